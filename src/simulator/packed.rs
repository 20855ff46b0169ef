//! A stored document in as few bytes as it needs, so that a million customers fit into memory.
//!
//! Invariant: only fields that differ from their type's default are stored, in the order of the schema's indexes;
//! child rows are nested and know neither their parent's name nor its doctype. JSON forms live in `documents`.

use super::clock::Moment;
use super::schema::FieldIndex;

const INT: u8 = 1;
const FLOAT: u8 = 2;
const TIME: u8 = 3;
const TEXT: u8 = 4;
const ROWS: u8 = 5;

/// One document, or one child row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    pub(super) fn view(&self) -> View<'_> {
        View(&self.0)
    }
}

/// A stored value. Nothing is stored for null, for an empty table, and for the zeros that numbers default to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'a> {
    Int(i64),
    Float(f64),
    Time(Moment),
    Text(&'a str),
    Rows(Rows<'a>),
}

/// Read access to a packed document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct View<'a>(&'a [u8]);

impl<'a> View<'a> {
    pub(super) fn get(self, index: FieldIndex) -> Option<Cell<'a>> {
        self.entries().find(|(at, _)| *at == index).map(|(_, cell)| cell)
    }

    pub(super) fn text(self, index: FieldIndex) -> Option<&'a str> {
        match self.get(index) {
            Some(Cell::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A moment, or the beginning of time where there is none.
    pub(super) fn time(self, index: FieldIndex) -> Moment {
        match self.get(index) {
            Some(Cell::Time(moment)) => moment,
            _ => 0,
        }
    }

    pub(super) fn rows(self, index: FieldIndex) -> Rows<'a> {
        match self.get(index) {
            Some(Cell::Rows(rows)) => rows,
            _ => Rows(&[]),
        }
    }

    pub(super) fn entries(self) -> impl Iterator<Item = (FieldIndex, Cell<'a>)> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (head, tail) = rest.split_at_checked(2)?;
            rest = tail;
            let [index, tag] = head.try_into().ok()?;
            let cell = match tag {
                INT => Cell::Int(i64::from_le_bytes(word(&mut rest)?)),
                TIME => Cell::Time(i64::from_le_bytes(word(&mut rest)?)),
                FLOAT => Cell::Float(f64::from_le_bytes(word(&mut rest)?)),
                TEXT => Cell::Text(std::str::from_utf8(chunk(&mut rest)?).unwrap_or_default()),
                _ => Cell::Rows(Rows(chunk(&mut rest)?)),
            };
            Some((index, cell))
        })
    }
}

/// The rows of a child table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rows<'a>(&'a [u8]);

impl<'a> Iterator for Rows<'a> {
    type Item = View<'a>;

    fn next(&mut self) -> Option<View<'a>> {
        chunk(&mut self.0).map(View)
    }
}

fn word(rest: &mut &[u8]) -> Option<[u8; 8]> {
    let (head, tail) = rest.split_first_chunk::<8>()?;
    *rest = tail;
    Some(*head)
}

fn chunk<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut length = 0usize;
    let mut shift = 0;
    loop {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

/// Builds a packed document. Push fields in the order of their indexes.
#[derive(Debug, Default)]
pub(super) struct Packer(Vec<u8>);

impl Packer {
    pub(super) fn int(&mut self, index: FieldIndex, value: i64) -> &mut Self {
        if value != 0 {
            self.0.extend([index, INT]);
            self.0.extend(value.to_le_bytes());
        }
        self
    }

    pub(super) fn float(&mut self, index: FieldIndex, value: f64) -> &mut Self {
        self.0.extend([index, FLOAT]);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn time(&mut self, index: FieldIndex, value: Moment) -> &mut Self {
        self.0.extend([index, TIME]);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn text(&mut self, index: FieldIndex, value: &str) -> &mut Self {
        self.0.extend([index, TEXT]);
        self.chunk(value.as_bytes());
        self
    }

    pub(super) fn rows<'r>(&mut self, index: FieldIndex, rows: impl IntoIterator<Item = &'r Packed>) -> &mut Self {
        let mut nested = Self::default();
        for row in rows {
            nested.chunk(&row.0);
        }
        if !nested.0.is_empty() {
            self.0.extend([index, ROWS]);
            self.chunk(&nested.0);
        }
        self
    }

    pub(super) fn finish(&mut self) -> Packed {
        Packed(std::mem::take(&mut self.0).into_boxed_slice())
    }

    fn chunk(&mut self, bytes: &[u8]) {
        let mut length = bytes.len();
        loop {
            let low = u8::try_from(length & 0x7f).unwrap_or_default();
            length >>= 7;
            self.0.push(if length == 0 { low } else { low | 0x80 });
            if length == 0 {
                break;
            }
        }
        self.0.extend(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_reads_back() {
        let long = "ü".repeat(300);
        let row = Packer::default().text(0, "row").float(7, 2.5).finish();
        let packed = Packer::default().text(0, &long).time(3, -5).int(5, 0).int(6, 9).rows(9, [&row, &row]).finish();
        let view = packed.view();
        assert_eq!(view.text(0), Some(long.as_str()));
        assert_eq!(view.time(3), -5);
        assert_eq!(view.get(5), None);
        assert_eq!(view.get(6), Some(Cell::Int(9)));
        assert_eq!(view.rows(9).map(|row| row.get(7)).collect::<Vec<_>>(), [Some(Cell::Float(2.5)); 2]);
        assert_eq!(view.rows(8).count(), 0);
    }
}
