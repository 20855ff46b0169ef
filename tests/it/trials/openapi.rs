//! Schemathesis as in every run of the tests, but on each database, with many more tries and another seed each time.

use crate::service::openapi::schemathesis::As;
use crate::support::databases::Kind;

/// Tries of each operation.
const TRIES: &str = "200";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a quarter of an hour: tests/trials openapi"]
async fn no_answer_is_found_that_is_not_documented() {
    for kind in Kind::ALL {
        for who in As::ALL {
            let seed = rand::random::<u32>().to_string();
            println!("{} as {who:?}, seed {seed}", kind.as_str());
            who.finds_only_documented_answers(kind, &["--max-examples", TRIES, "--seed", &seed]).await;
        }
    }
}
