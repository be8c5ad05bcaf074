//! Telling clients what they did not ask for: Notify and Put, to the endpoints that an operator has configured.
//!
//! Here the daemon is the one who knocks. What is told, and whether it may be, is the service's to say; this room finds the
//! endpoint, makes sure who it is, hands the letters over one by one and reports what became of each. A letter is delivered
//! at least once: one whose answer was lost is sent again.

mod courier;
mod exchange;
mod line;
mod turned;

pub use courier::carry;
pub use line::Line;
pub(super) use turned::hand_over;
