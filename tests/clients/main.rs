//! Other people's KMIP clients against a whole appliance.

mod bundle;
mod mongo;
mod protocol;
mod pykmip;
