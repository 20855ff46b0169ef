//! Reads a whole body within bounds: of its own length, of time, and of all bodies in flight together.
//!
//! Invariant: memory is reserved before it is filled, and given back when the body is dropped.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A body with its reservation.
pub(super) struct Body<'a> {
    bytes: Bytes,
    _reserved: SemaphorePermit<'a>,
}

impl Body<'_> {
    /// The bytes, for somebody who keeps the reservation meanwhile.
    pub(super) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}

impl std::ops::Deref for Body<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not arrive within {0:?}")]
    TooSlow(Duration),
    #[error("too many bodies are arriving at once; come back in a moment")]
    Crowded,
    #[error("the body ended early: {0}")]
    Broken(#[source] actix_web::error::PayloadError),
}

/// Reads the body.
pub(super) async fn read<'a>(
    request: &HttpRequest,
    payload: &mut Payload,
    longest: usize,
    within: Duration,
    in_flight: &'a Semaphore,
) -> Result<Body<'a>, Unread> {
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > longest) {
        return Err(Unread::TooLarge(longest));
    }
    // Without a declared length (chunked) the most that may come is reserved.
    let reserve = u32::try_from(declared.unwrap_or(longest)).unwrap_or(u32::MAX);
    let reserved = in_flight.try_acquire_many(reserve).map_err(|_full| Unread::Crowded)?;
    let bytes = tokio::time::timeout(within, collect(payload, declared.unwrap_or_default(), longest))
        .await
        .map_err(|_elapsed| Unread::TooSlow(within))??;
    Ok(Body { bytes, _reserved: reserved })
}

async fn collect(payload: &mut Payload, expected: usize, longest: usize) -> Result<Bytes, Unread> {
    let Some(first) = payload.next().await.transpose().map_err(Unread::Broken)? else { return Ok(Bytes::new()) };
    if first.len() == expected {
        // The usual webhook fits one read: no copy.
        return Ok(first);
    }
    let mut bytes = BytesMut::with_capacity(expected.max(first.len()));
    bytes.extend_from_slice(&first);
    while let Some(chunk) = payload.next().await.transpose().map_err(Unread::Broken)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > longest {
            return Err(Unread::TooLarge(longest));
        }
    }
    Ok(bytes.freeze())
}
