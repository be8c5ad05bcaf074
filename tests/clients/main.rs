//! Other people's KMIP clients against a whole appliance.

mod mongo;
mod pykmip;
