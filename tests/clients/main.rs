//! Other people's KMIP clients against a whole appliance.

mod mongo;
mod protocol;
mod pykmip;
