//! Answers that are compressed: the files that pages load, and the one long page.
//!
//! Invariant: only what holds nothing of a reader's asking. A page that repeats what somebody may have planted, beside its
//! proof, would give the proof away by its length (BREACH, CVE-2013-3587). Bodies of requests are never unpacked.

use std::io::Write as _;

use actix_web::HttpRequest;
use actix_web::http::header::{AcceptEncoding, ContentEncoding, Encoding, Header as _};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Whether the browser takes it compressed.
pub(super) fn is_wanted(request: &HttpRequest) -> bool {
    let gzip = Encoding::Known(ContentEncoding::Gzip);
    let identity = Encoding::Known(ContentEncoding::Identity);
    let supported = [gzip.clone(), identity];
    AcceptEncoding::parse(request).is_ok_and(|accepted| accepted.negotiate(supported.iter()) == Some(gzip))
}

/// The same, compressed; empty where that fails, which memory alone could cause.
pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).and_then(|()| encoder.finish()).unwrap_or_default()
}
