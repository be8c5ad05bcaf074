//! Delegated Login: a ticket that lets its holder do less than its owner may (KMIP 2.1 §6.1.12).

use super::{Lease, ObjectGroups, Ticket};
use crate::{attribute::UsageLimits, code::Operation, identifier::Identifier};

structure! {
    /// How long, how often and for what the ticket is to be good.
    DelegatedLoginRequest {
        lease_time: Option<Lease> = LeaseTime, V2_0;
        /// How many messages it is good for; nought is no limit.
        request_count: Option<i32> = RequestCount, V2_0;
        usage_limits: Option<UsageLimits> = UsageLimits, V2_0;
        rights: Rights = Rights, V2_0;
    }
}

structure! {
    /// The ticket.
    DelegatedLoginResponse {
        ticket: Ticket = Ticket, V2_0;
    }
}

structure! {
    /// What a ticket's holder may do: what any of them allows (KMIP 2.1 §7.35).
    Rights {
        right: Vec<Right> = Right, V2_0;
    }
}

structure! {
    /// One right; what it does not name, it does not limit (KMIP 2.1 §7.34).
    Right {
        usage_limits: Option<UsageLimits> = UsageLimits, V2_0;
        operations: Option<Operations> = Operations, V2_0;
        objects: Option<Objects> = Objects, V2_0;
        object_groups: Option<ObjectGroups> = ObjectGroups, V2_1 until V3_0;
    }
}

structure! {
    /// Operations (KMIP 2.1 §7.25).
    Operations {
        operation: Vec<Operation> = Operation, V2_0;
    }
}

structure! {
    /// Objects by identifier (KMIP 2.1 §7.23).
    Objects {
        unique_identifier: Vec<Identifier> = UniqueIdentifier, V2_0;
    }
}
