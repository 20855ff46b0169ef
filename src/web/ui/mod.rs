//! The pages: one file per page, its template of the same name in `templates/`; `table` tells which there are and who may
//! see them.
//!
//! Invariant: a page does nothing itself: it calls the same use cases as the API, with the same roles, and shows what came
//! of it. All forms work without a script (POST, redirect, GET); htmx and `assets/app.js` only make them nicer. Texts are
//! escaped by the templates, and the rules that a browser gets (`page::POLICY`) allow no script and no style but our files.
//!
//! How to add a page: a template that extends `app.html`, a file here with a `show` that fills it (`account` is a small
//! one), a line in `table`, and its place in `tests/it/pages`.

mod account;
mod activity;
mod address;
mod assets;
mod attention;
mod badge;
mod chart;
mod checklist;
mod compress;
mod customer;
mod customer_deeds;
mod customer_form;
mod customers;
mod failure;
mod field;
mod first_admin;
mod form;
mod frame;
mod history;
mod live;
mod notice;
mod number;
mod overview;
mod page;
mod pill;
mod question;
mod reach;
mod reference;
mod settings;
mod sign_in;
mod sync;
mod table;
mod text;
mod theme;
mod time;
mod typed;

pub use table::listed_pages;

pub(super) use table::register;
