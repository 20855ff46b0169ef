//! Finds the paths (`a::b::c`) in Rust source text, without a parser.
//!
//! Invariant: `use` groups are multiplied out, `super` and `self` are resolved against the module (inline modules
//! included), and comments, strings and characters are skipped. Macros' contents count like any other text.

use std::iter::Peekable;
use std::str::CharIndices;

/// A path as written, made absolute where it began with `super` or `self`.
#[derive(Debug, PartialEq, Eq)]
pub struct FoundPath {
    /// Its names; the first is `crate` or an outside crate or a name in scope.
    pub segments: Vec<String>,
    /// Where it stands, from 1.
    pub line: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Colons,
    Other(char),
}

/// All paths in the text of a module; `module` is its path without `crate`.
pub fn paths(text: &str, module: &[String]) -> Vec<FoundPath> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut module: Vec<String> = std::iter::once("crate".to_owned()).chain(module.iter().cloned()).collect();
    // The depth of braces at which each inline module opened.
    let mut inline = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while let Some((token, line)) = tokens.get(at) {
        match token {
            Token::Other('{') => depth += 1,
            Token::Other('}') => {
                if inline.last() == Some(&depth) {
                    inline.pop();
                    module.pop();
                }
                depth -= 1;
            }
            Token::Word(word) if word == "mod" => {
                if let (Some((Token::Word(name), _)), Some((Token::Other('{'), _))) =
                    (tokens.get(at + 1), tokens.get(at + 2))
                {
                    module.push(name.clone());
                    depth += 1;
                    inline.push(depth);
                    at += 2;
                }
            }
            Token::Word(word) if word == "use" => {
                at += 1;
                group(&tokens, &mut at, &[], &module, &mut found);
                continue;
            }
            Token::Word(_) => {
                let mut segments = Vec::new();
                while let Some((Token::Word(word), _)) = tokens.get(at) {
                    segments.push(word.clone());
                    if !matches!(
                        (tokens.get(at + 1), tokens.get(at + 2)),
                        (Some((Token::Colons, _)), Some((Token::Word(_), _)))
                    ) {
                        break;
                    }
                    at += 2;
                }
                found.push(FoundPath { segments: absolute(segments, &module), line: *line });
            }
            Token::Colons | Token::Other(_) => (),
        }
        at += 1;
    }
    found
}

/// One member of a `use` tree that starts at `at`; leaves `at` behind it.
fn group(tokens: &[(Token, usize)], at: &mut usize, prefix: &[String], module: &[String], found: &mut Vec<FoundPath>) {
    let mut segments = prefix.to_vec();
    let mut line = tokens.get(*at).map_or(0, |(_, line)| *line);
    while let Some((token, here)) = tokens.get(*at) {
        match token {
            Token::Word(word) if word == "as" => *at += 1,
            Token::Word(word) => {
                line = *here;
                segments.push(word.clone());
            }
            Token::Other('{') => {
                *at += 1;
                while !matches!(tokens.get(*at), None | Some((Token::Other('}'), _))) {
                    group(tokens, at, &segments, module, found);
                    if matches!(tokens.get(*at), Some((Token::Other(','), _))) {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            Token::Colons | Token::Other('*') => (),
            Token::Other(_) => break,
        }
        *at += 1;
    }
    found.push(FoundPath { segments: absolute(segments, module), line });
}

/// Resolves a leading `self` and any `super`s.
fn absolute(segments: Vec<String>, module: &[String]) -> Vec<String> {
    if !matches!(segments.first().map(String::as_str), Some("self" | "super")) {
        return segments;
    }
    let mut base = module.to_vec();
    let mut rest = segments.into_iter().peekable();
    while let Some(word) = rest.next_if(|word| word == "self" || word == "super") {
        if word == "super" && base.len() > 1 {
            base.pop();
        }
    }
    base.extend(rest);
    base
}

/// Words, `::` and single characters, each with its line; without comments, strings, characters and lifetimes.
fn tokens(text: &str) -> Vec<(Token, usize)> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut chars = text.char_indices().peekable();
    while let Some((start, char)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        match char {
            '\n' => line += 1,
            '/' if next == Some('/') => while chars.next_if(|(_, char)| *char != '\n').is_some() {},
            '/' if next == Some('*') => line += block_comment(&mut chars),
            '"' => line += string(&mut chars),
            '\'' => character(&mut chars, &text[start + 1..]),
            ':' if next == Some(':') => {
                chars.next();
                tokens.push((Token::Colons, line));
            }
            _ if char.is_alphanumeric() || char == '_' => {
                let mut word = String::from(char);
                while let Some((_, char)) = chars.next_if(|(_, char)| char.is_alphanumeric() || *char == '_') {
                    word.push(char);
                }
                let hashes = chars.clone().take_while(|(_, char)| *char == '#').count();
                let quoted = chars.clone().nth(hashes).is_some_and(|(_, char)| char == '"');
                if matches!(word.as_str(), "r" | "br" | "cr") && quoted {
                    line += raw_string(&mut chars, hashes);
                } else {
                    tokens.push((Token::Word(word), line));
                }
            }
            _ if char.is_whitespace() => (),
            _ => tokens.push((Token::Other(char), line)),
        }
    }
    tokens
}

/// Skips the rest of a comment, which may nest; gives the number of lines.
fn block_comment(chars: &mut Peekable<CharIndices<'_>>) -> usize {
    let (mut lines, mut depth, mut last) = (0, 1, ' ');
    chars.next();
    while depth > 0 {
        let Some((_, char)) = chars.next() else { break };
        match (last, char) {
            ('*', '/') => depth -= 1,
            ('/', '*') => depth += 1,
            (_, '\n') => lines += 1,
            _ => (),
        }
        last = if matches!((last, char), ('*', '/') | ('/', '*')) { ' ' } else { char };
    }
    lines
}

/// Skips the rest of a string; gives the number of lines.
fn string(chars: &mut Peekable<CharIndices<'_>>) -> usize {
    let mut lines = 0;
    while let Some((_, char)) = chars.next() {
        match char {
            '"' => break,
            '\\' => lines += usize::from(chars.next().is_some_and(|(_, char)| char == '\n')),
            '\n' => lines += 1,
            _ => (),
        }
    }
    lines
}

/// Skips a raw string behind its `r`; gives the number of lines.
fn raw_string(chars: &mut Peekable<CharIndices<'_>>, hashes: usize) -> usize {
    let mut lines = 0;
    chars.nth(hashes);
    while let Some((_, char)) = chars.next() {
        lines += usize::from(char == '\n');
        if char == '"' && chars.clone().take(hashes).filter(|(_, char)| *char == '#').count() == hashes {
            break;
        }
    }
    for _ in 0..hashes {
        chars.next();
    }
    lines
}

/// Skips a character (`'x'`, `'\''`); of a lifetime only the quote, its name is an ordinary word.
fn character(chars: &mut Peekable<CharIndices<'_>>, rest: &str) {
    let mut ahead = rest.chars();
    let escaped = ahead.next() == Some('\\');
    if escaped {
        chars.nth(1);
        while chars.next().is_some_and(|(_, char)| char != '\'') {}
    } else if ahead.next() == Some('\'') {
        chars.nth(1);
    }
}
