//! `approval list|show|approve|deny`.

use super::{
    args::Approval,
    daemon::Daemon,
    error::Error,
    print::{self, Style},
};
use crate::service::{ApprovalRow, Order, Report};

pub(super) fn approval(daemon: &Daemon, verb: &Approval) -> Result<(), Error> {
    let order = match verb {
        Approval::List => return list(daemon),
        Approval::Show { id } => Order::ApprovalShow { id: id.clone() },
        Approval::Approve { id } => Order::ApprovalGive { id: id.clone() },
        Approval::Deny { id } => Order::ApprovalDeny { id: id.clone() },
    };
    let report = daemon.send(order)?;
    match (daemon.style, report) {
        (Style::Json, report) => print::json(&report),
        (Style::Text, Report::Approval(row)) => show(&row),
        (Style::Text, _) => Err(Error::OtherReport),
    }
}

fn list(daemon: &Daemon) -> Result<(), Error> {
    let report = daemon.send(Order::ApprovalList)?;
    if daemon.style == Style::Json {
        return print::json(&report);
    }
    let Report::Approvals { approvals } = report else { return Err(Error::OtherReport) };
    let rows: Vec<_> = approvals
        .into_iter()
        .map(|row| {
            let count = format!("{} of {}", row.approved.len(), row.needed);
            [row.id, row.operation, row.by, print::or_dash(row.object), row.state, count, print::date(row.until)]
        })
        .collect();
    print::table(["ID", "OPERATION", "BY", "OBJECT", "STATE", "APPROVED", "UNTIL"], &rows)
}

fn show(row: &ApprovalRow) -> Result<(), Error> {
    print::line(&format!("approval    {}", row.id))?;
    print::line(&format!("state       {}, {} of {} have approved", row.state, row.approved.len(), row.needed))?;
    print::line(&format!("operation   {}", row.operation))?;
    print::line(&format!("asked by    {} through {} from {}", row.by, row.front, row.from))?;
    print::line(&format!("object      {}", print::or_dash(row.object.as_deref())))?;
    print::line(&format!("asked       {}", print::date(row.since)))?;
    print::line(&format!("good until  {}", print::date(row.until)))?;
    for (who, when) in &row.approved {
        print::line(&format!("approved    {} by {who}", print::date(*when)))?;
    }
    if let Some((who, when)) = &row.denied {
        print::line(&format!("denied      {} by {who}", print::date(*when)))?;
    }
    print::line("request")?;
    row.request.lines().try_for_each(|line| print::line(&format!("  {line}")))
}
