//! What end-to-end tests and benchmarks stand on: a complete appliance of their own, and other people's programs.
//!
//! Everything here is for tests, so it panics with a sentence where it cannot go on; nothing of it is shipped.

mod appliance;
mod build;
mod crash;
mod doors;
mod endpoint;
mod folder;
pub mod key;
mod line;
pub mod oasis;
mod port;
mod post;
mod program;
mod pykmip;
mod vendor;

pub use appliance::Appliance;
pub use build::{built, top};
pub use crash::{Dice, Loss, Names, Pages, Powerloss, Watch, fail, say};
pub use doors::{Audit, Client, Doors, Pkcs11};
pub use endpoint::{Delivery, Endpoint};
pub use folder::Folder;
pub use line::{Line, Stream, connect, dial, dial_as, papers, papers_over, secure};
pub use port::{free_port, until};
pub use post::Post;
pub use program::{Outcome, find, node, openssl_engine, python, run, skip, skip_or_require, unpacked};
pub use pykmip::PyKmip;
pub use vendor::{Token, VENDORS, Vendor, alone};
