//! The progress bar: how far, how long still, and how sure already.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// A bar on stderr for people on a terminal; silent in pipes.
pub fn bar(output: &Output, total: u64) -> ProgressBar {
    let target = if output.live() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    // The template is a constant that parses; a bar without it would still count.
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} histories, {eta} left  {msg}") {
        bar.set_style(style);
    }
    bar
}

/// A flag that Ctrl-C raises; a second Ctrl-C ends the program at once.
pub fn stop_on_interrupt() -> Arc<AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    let flag = FLAG.get_or_init(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let raised = Arc::clone(&flag);
        // Without a handler Ctrl-C still stops the program, only less gently.
        let _ = ctrlc::set_handler(move || {
            if raised.swap(true, Ordering::SeqCst) {
                // Everything finished is on disk already.
                #[expect(clippy::exit, reason = "the user asked twice")]
                std::process::exit(i32::from(crate::exit::INTERRUPTED));
            }
        });
        flag
    });
    Arc::clone(flag)
}
