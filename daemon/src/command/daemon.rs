//! The daemon at the other end of the control socket.

use std::{io::Write, path::PathBuf};

use super::{error::Error, print::Style};
use crate::{
    config::Settings,
    front::control,
    service::{Order, Report},
};

/// A running daemon, and how its answers are printed.
pub(super) struct Daemon {
    socket: PathBuf,
    pub(super) style: Style,
}

impl Daemon {
    /// The daemon that serves by these settings.
    pub(super) fn new(settings: &Settings, style: Style) -> Self {
        Self { socket: settings.control.socket.clone(), style }
    }

    /// Has a backup made, and writes it to `to`.
    pub(super) fn receive(&self, to: &mut dyn Write) -> Result<Report, Error> {
        Ok(control::receive(&self.socket, Order::Backup, to)?)
    }

    /// Gives an order and waits for the report.
    pub(super) fn send(&self, order: Order) -> Result<Report, Error> {
        Ok(control::send(&self.socket, order)?)
    }
}
