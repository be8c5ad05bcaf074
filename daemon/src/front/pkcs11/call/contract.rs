//! What a function is to the socket.

use strongroom_pkcs11_wire::{Rv, call::Ask};

use crate::front::pkcs11::desk::Desk;

/// A request that is served. It cannot be answered with another's values.
pub trait Serve: Ask {
    /// Serves it. The return value beside the answer is [`Rv::OK`], unless an output was too long for its room.
    ///
    /// # Errors
    /// What to return without values.
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, Self::Answer), Rv>;
}
