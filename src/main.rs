//! The binary: parses the command line and runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    share_one_heap();
    customer_sync::cli::run()
}

/// Lets all threads allocate from one heap. With one for each thread, which is glibc's way, what a full run allocates on one
/// thread and frees on another stays in pieces, and memory grows with the number of customers (mallopt(3)).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "glibc offers no other way but a variable that users would have to set")]
fn share_one_heap() {
    // SAFETY: mallopt only sets a number of the allocator's, and no other thread has been started yet.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}
