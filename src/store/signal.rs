//! Being told by the database that customers changed.
//!
//! Invariant: a hint only: announcements may be missing (another database, a lost connection) and may come twice, so
//! whoever is told reads `customer_changes`, and looks by itself now and then. PostgreSQL alone can announce
//! (`NOTIFY`, sent by the transaction that writes the change, at its commit); other applications may listen too.

use sqlx::postgres::PgListener;

use super::Store;

/// The channel of `NOTIFY`; its payload is the greatest `seq` of the transaction.
pub(super) const CHANNEL: &str = "customer_sync_changes";

/// What a database tells of new changes: nothing, or each commit, through a connection of its own.
pub struct ChangeSignal(Option<PgListener>);

impl ChangeSignal {
    /// Whether the database announces changes.
    #[must_use]
    pub const fn announces(&self) -> bool {
        self.0.is_some()
    }

    /// Returns after an announcement; never where there are none.
    pub async fn changed(&mut self) {
        if let Some(listener) = &mut self.0 {
            match listener.recv().await {
                Ok(_announcement) => return,
                Err(error) => {
                    tracing::debug!(%error, "the database announces no changes any more");
                    self.0 = None;
                }
            }
        }
        std::future::pending::<()>().await;
    }
}

impl Store {
    /// Begins to listen where the database announces changes; it holds one connection until the signal is dropped.
    pub async fn change_signal(&self) -> ChangeSignal {
        let Some(pool) = self.inner.pool.postgres() else { return ChangeSignal(None) };
        let listening = async {
            let mut listener = PgListener::connect_with(pool).await?;
            listener.listen(CHANNEL).await?;
            Ok::<_, sqlx::Error>(listener)
        };
        let silent = |error: &sqlx::Error| tracing::debug!(%error, "the database announces no changes");
        ChangeSignal(listening.await.inspect_err(silent).ok())
    }
}
