//! The program itself: its verbs, its exit codes, and what it says.

mod appliance;
mod dev;
mod serve;
mod usage;
