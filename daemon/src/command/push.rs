//! `kmip put`.

use super::{
    daemon::Daemon,
    error::Error,
    print::{self, Style},
};
use crate::service::Order;

pub(super) fn push(daemon: &Daemon, endpoint: &str, object: &str) -> Result<(), Error> {
    let report = daemon.send(Order::KmipPut { endpoint: endpoint.to_owned(), id: object.to_owned() })?;
    match daemon.style {
        Style::Json => print::json(&report),
        Style::Text => {
            print::line(&format!("{object} waits to be given to {endpoint}; `strongroom status` says what waits"))
        }
    }
}
