//! Answers are handed over by thread: callers that live on one thread share a desk, which is told of a whole batch at once.
//!
//! Invariant: each caller gets its answer exactly once, also where its desk is gone. Without desks the writer would wake
//! each caller's thread by a system call of its own; here a thread is woken once for a batch and wakes its callers itself.

use tokio::sync::{mpsc, oneshot};

use super::Refusal;

/// What a caller waits for.
type Outcome = Result<(), Refusal>;

/// Where the callers of one thread get their answers.
pub(super) type Desk = mpsc::UnboundedSender<Vec<Answer>>;

/// The way back to one caller.
pub(super) struct Reply {
    caller: oneshot::Sender<Outcome>,
    desk: Option<Desk>,
}

/// An answer on its way.
pub(super) struct Answer {
    caller: oneshot::Sender<Outcome>,
    outcome: Outcome,
}

impl Answer {
    fn give(self) {
        // The caller may have left meanwhile; its hint is durable or refused all the same.
        drop(self.caller.send(self.outcome));
    }
}

impl Reply {
    /// A reply, and where its caller waits for it.
    pub(super) fn new(desk: Option<Desk>) -> (Self, oneshot::Receiver<Outcome>) {
        let (caller, answer) = oneshot::channel();
        (Self { caller, desk }, answer)
    }

    /// Whether the caller gave up.
    pub(super) fn is_closed(&self) -> bool {
        self.caller.is_closed()
    }
}

/// The answers of one batch, sorted by desk.
#[derive(Default)]
pub(super) struct Answers {
    by_desk: Vec<(Desk, Vec<Answer>)>,
}

impl Answers {
    /// Adds one; a caller without a desk has it at once.
    pub(super) fn add(&mut self, reply: Reply, outcome: Outcome) {
        let answer = Answer { caller: reply.caller, outcome };
        let Some(desk) = reply.desk else { return answer.give() };
        match self.by_desk.iter_mut().find(|(known, _)| known.same_channel(&desk)) {
            Some((_, answers)) => answers.push(answer),
            None => self.by_desk.push((desk, vec![answer])),
        }
    }

    /// Hands them over.
    pub(super) fn send(self) {
        for (desk, answers) in self.by_desk {
            if let Err(mpsc::error::SendError(answers)) = desk.send(answers) {
                answers.into_iter().for_each(Answer::give);
            }
        }
    }
}

/// Gives answers to callers of this thread until no caller can come any more.
pub(super) async fn serve(mut batches: mpsc::UnboundedReceiver<Vec<Answer>>) {
    while let Some(answers) = batches.recv().await {
        answers.into_iter().for_each(Answer::give);
    }
}
