//! Chunked bodies that nobody reads to their end: the connection ends after the answer.
//!
//! Invariant: whoever sends a body without an end has its answer and, at most a second later, no connection any more. The
//! server (actix-http 3.20, `h1::dispatcher`, `should_close_for_unread_payload`) closes by itself where a body was not
//! read, except a chunked one that the handler has dropped: that it reads on, without end. So such a body is kept here until
//! the answer is through. A chunked body that was read, or has arrived, leaves the connection open as any other does.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use futures_util::Stream;

/// Middleware: keeps a chunked body until the answer is through; others cost nothing.
pub(super) async fn keep<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, Answer<B>>>, Error> {
    if !request.headers().contains_key(TRANSFER_ENCODING) {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let kept = Kept(Rc::new(RefCell::new(request.parts_mut().1.take())));
    request.set_payload(Payload::Stream { payload: Box::pin(kept.clone()) });
    let response = next.call(request).await?;
    Ok(response.map_body(|_head, body| EitherBody::right(Answer { body: Box::pin(body), _question: kept })))
}

/// A body of a request that two can hold: its reader and its keeper.
#[derive(Clone)]
struct Kept(Rc<RefCell<Payload>>);

impl Stream for Kept {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// A body of an answer with that of its question.
pub(super) struct Answer<B> {
    body: Pin<Box<B>>,
    _question: Kept,
}

impl<B: MessageBody> MessageBody for Answer<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_mut().poll_next(context)
    }
}
