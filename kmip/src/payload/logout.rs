//! Logout: a ticket is good for nothing any more (KMIP 2.1 §6.1.31).

use super::Ticket;

structure! {
    /// Which ticket.
    LogoutRequest {
        ticket: Ticket = Ticket, V2_0;
    }
}

structure! {
    /// It is done.
    LogoutResponse {}
}
