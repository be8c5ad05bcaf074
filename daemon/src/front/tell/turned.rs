//! A connection that its client has turned around (KMIP 2.1 §6.1.54 Set Endpoint Role): the letters for its endpoint go there.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    sync::Notify,
};

use super::exchange::{Ended, deliver};
use crate::{
    front::contract::{Phase, Stop},
    service::{Letter, Service},
};

/// Delivers the endpoint's letters over this connection until the peer hangs up or speaks unasked, a delivery fails, the
/// client turns another connection around, or the daemon drains.
pub(in crate::front) async fn hand_over<S>(service: &Arc<Service>, place: usize, stream: &mut S, stop: &mut Stop)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let rung = Arc::new(Notify::new());
    let bell = Arc::clone(&rung);
    let number = service.ring_for(place, Arc::new(move || bell.notify_one()));
    while stop.phase() == Phase::Open && service.hangs(place, number) {
        if let Some(letter) = service.letter(place) {
            let hold = Hold { service, letter: Some(letter) };
            if hold.deliver(stream).await == Ended::Again {
                return;
            }
            continue;
        }
        let mut unasked = [0];
        tokio::select! {
            () = stop.reached(Phase::Draining) => return,
            // The peer has hung up, or has spoken although it is not its turn.
            _ = stream.read(&mut unasked) => return,
            () = rung.notified() => {}
            () = tokio::time::sleep(GLANCE) => {}
        }
    }
}

/// A letter in hand. If the connection is cut off in the middle, its turn comes again.
struct Hold<'s> {
    service: &'s Arc<Service>,
    letter: Option<Letter>,
}

impl Hold<'_> {
    async fn deliver<S: AsyncRead + AsyncWrite + Unpin>(mut self, stream: &mut S) -> Ended {
        let Some(letter) = &self.letter else { return Ended::Done };
        let ended = deliver(self.service, letter, stream).await;
        self.letter = None;
        ended
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if let Some(letter) = &self.letter {
            self.service.put_back(letter);
        }
    }
}

/// The bell rings for every letter; a letter that was put back is seen by this.
const GLANCE: Duration = Duration::from_secs(30);
