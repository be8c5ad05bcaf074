//! Login: later messages may say who sends them by a ticket (KMIP 2.1 §6.1.30).

use crate::{
    attribute::UsageLimits,
    code::TicketType,
    secret::Secret,
    tag::Tag,
    ttlv::{DateTime, Interval, Item, Kind, Malformed, Value, Writer},
};

structure! {
    /// How long and how often the ticket is to be good for.
    LoginRequest {
        lease_time: Option<Lease> = LeaseTime, V2_0;
        /// How many messages it is good for; nought is no limit.
        request_count: Option<i32> = RequestCount, V2_0;
        usage_limits: Option<UsageLimits> = UsageLimits, V2_0;
    }
}

structure! {
    /// The ticket.
    LoginResponse {
        ticket: Ticket = Ticket, V2_0;
    }
}

structure! {
    /// A ticket (KMIP 2.1 §7.39).
    Ticket {
        /// What it is for.
        ticket_type: TicketType = TicketType, V2_0;
        /// The ticket itself: whoever has it is let in.
        ticket_value: Secret = TicketValue, V2_0;
    }
}

/// How long a ticket is to be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// So long from now on; nought leaves it to the server.
    For(Interval),
    /// Until then.
    Until(DateTime),
}

impl Value for Lease {
    fn write(&self, tag: Tag, to: &mut Writer) {
        match self {
            Self::For(interval) => interval.write(tag, to),
            Self::Until(date) => date.write(tag, to),
        }
    }
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        match item.kind() {
            Kind::DateTime => Value::read(item).map(Self::Until),
            _ => Value::read(item).map(Self::For),
        }
    }
}
