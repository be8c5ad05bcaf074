//! What happens unasked. A round asks the service as anybody else does, with the daemon as the caller, and what it does
//! is in the audit log. It never reaches below the service.

mod attendant;
mod timetable;

pub use attendant::Attendant;
pub use timetable::Timetable;
