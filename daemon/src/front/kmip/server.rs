//! One connection, from the handshake to its end.

use std::{net::SocketAddr, sync::Arc};

use tokio::{net::TcpStream, time::timeout};

use super::{
    desk::{Desk, Peer},
    https, session,
};
use crate::{
    caller::Front,
    front::{
        contract::{Phase, Stop},
        listen::Place,
        tls::{Failed, Tls},
    },
    service::{Shown, Turned},
};

/// How messages come over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// One after the other.
    Tls,
    /// In HTTP requests.
    Https,
}

/// Serves KMIP over TLS, or over HTTPS.
pub struct Server {
    tls: Arc<Tls>,
    desk: Arc<Desk>,
    carrier: Carrier,
}

impl Server {
    /// A server whose messages a desk performs.
    pub fn new(tls: Arc<Tls>, desk: Arc<Desk>, carrier: Carrier) -> Self {
        Self { tls, desk, carrier }
    }

    /// Serves one connection to its end. It ends when the peer hangs up, breaks framing, is too slow or is no longer
    /// known, and when the daemon stops.
    pub async fn serve(self: Arc<Self>, stream: TcpStream, from: SocketAddr, mut place: Place, mut stop: Stop) {
        let desk = Arc::clone(&self.desk);
        let front = match self.carrier {
            Carrier::Tls => Front::Kmip,
            Carrier::Https => Front::KmipHttps,
        };
        let shake = async {
            match self.carrier {
                Carrier::Tls => self.tls.shake(stream).await.map(|(stream, key)| (stream, Some(key))),
                Carrier::Https => self.tls.greet(stream).await,
            }
        };
        let shaken = tokio::select! {
            () = stop.reached(Phase::Draining) => return,
            shaken = timeout(desk.limits.handshake, shake) => shaken.unwrap_or(Err(Failed::Broken)),
        };
        let placed = shaken.and_then(|(stream, key)| match key {
            Some(key) if !place.belongs(key, desk.limits.per_key) => Err(Failed::Crowded(key)),
            _ => Ok((stream, key)),
        });
        match placed {
            Ok((stream, key)) => {
                let mut cut = stop.clone();
                let peer = Peer { from, shown: Shown { key, bearer: None }, front };
                let served = async {
                    match self.carrier {
                        Carrier::Tls => session::Connection::new(desk, peer, stop).serve(stream).await,
                        Carrier::Https => https::Connection::new(desk, peer, stop).serve(stream, &mut place).await,
                    }
                };
                tokio::select! {
                    () = cut.reached(Phase::Cut) => log::warn!("cut off {from} in the middle of a request"),
                    () = served => {}
                }
            }
            Err(why) => {
                log::info!("turned {from} away: {why}");
                let (key, turned) = match why {
                    Failed::Unregistered(key) => (Some(key), Turned::Unregistered),
                    Failed::Crowded(key) => (Some(key), Turned::Crowded),
                    Failed::Untrusted => (None, Turned::Untrusted),
                    // Whoever probes a port is no news for the audit log.
                    Failed::Broken => return,
                };
                let told = move || desk.service.turned_away(front, &from.to_string(), key, turned).wait();
                if !matches!(tokio::task::spawn_blocking(told).await, Ok(Ok(()))) {
                    log::error!("turning {from} away was not recorded");
                }
            }
        }
        drop(place);
    }
}
