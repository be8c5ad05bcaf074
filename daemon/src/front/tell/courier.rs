//! Whoever carries the letters for one endpoint: waits for them, connects, delivers, and after a failure waits longer and
//! longer before the next attempt.

use std::{sync::Arc, time::Duration};

use tokio::{io::AsyncWriteExt, sync::Notify, time::timeout};

use super::{
    exchange::{Ended, asked, deliver},
    line::Line,
};
use crate::{
    chance::{self, Chance},
    front::contract::{Phase, Stop},
    service::{Letter, Service},
};

/// Carries letters to an endpoint until the daemon drains. What is in hand then is finished, until the daemon is cut off.
pub async fn carry(service: Arc<Service>, line: Arc<Line>, chance: Arc<dyn Chance>, mut stop: Stop) {
    let (rung, mut cut) = (Arc::new(Notify::new()), stop.clone());
    let bell = Arc::clone(&rung);
    service.ring_for(line.place(), Arc::new(move || bell.notify_one()));
    let mut failures = 0;
    while stop.phase() == Phase::Open {
        let Some(letter) = service.letter(line.place()) else {
            tokio::select! {
                () = stop.reached(Phase::Draining) => return,
                () = rung.notified() => {}
                () = tokio::time::sleep(GLANCE) => {}
            }
            continue;
        };
        let ended = tokio::select! {
            () = cut.reached(Phase::Cut) => return,
            ended = round(&service, &line, letter, &stop) => ended,
        };
        failures = if ended == Ended::Done { 0 } else { u32::saturating_add(failures, 1) };
        if failures > 0 {
            tokio::select! {
                () = stop.reached(Phase::Draining) => return,
                () = tokio::time::sleep(pause(failures, &*chance)) => {}
            }
        }
    }
}

/// Delivers a letter and those behind it over one connection.
async fn round(service: &Arc<Service>, line: &Line, first: Letter, stop: &Stop) -> Ended {
    let mut stream = match line.connect().await {
        Ok(stream) => stream,
        Err(trouble) => {
            if let Err(refusal) = asked(service, move |service| service.undelivered(&first, trouble)).await {
                log::warn!("a failed delivery could not be written down: {refusal}");
            }
            return Ended::Again;
        }
    };
    let mut next = Some(first);
    while let Some(letter) = next {
        if deliver(service, &letter, &mut stream).await == Ended::Again {
            return Ended::Again;
        }
        next = if stop.phase() == Phase::Open { service.letter(line.place()) } else { None };
    }
    // A peer that does not take the closing words has had them.
    let _ = timeout(PARTING, stream.shutdown()).await;
    Ended::Done
}

/// How long to wait after so many failures: twice as long each time, up to a limit, and somewhere in the upper half of it, so
/// that endpoints that failed together are not all tried together.
fn pause(failures: u32, chance: &dyn Chance) -> Duration {
    let doubled = FIRST.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1).min(16)));
    let half = doubled.min(LONGEST) / 2;
    // Without chance the pause is the whole one.
    let part = chance::array::<2>(chance).map_or(u16::MAX, u16::from_be_bytes);
    half.saturating_add(half.mul_f64(f64::from(part) / f64::from(u16::MAX)))
}

/// The first pause after a failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest: an endpoint that is back is told within five minutes.
const LONGEST: Duration = Duration::from_secs(300);
/// The bell rings for every letter; a letter that was put back is seen by this.
const GLANCE: Duration = Duration::from_secs(30);
/// How long the closing words may take.
const PARTING: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Dry;

    struct Same(u8);

    impl Chance for Same {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    struct None;

    impl Chance for None {
        fn fill(&self, _: &mut [u8]) -> Result<(), Dry> {
            Err(Dry)
        }
    }

    #[test]
    fn a_pause_doubles_up_to_its_limit_and_is_never_shorter_than_half() {
        for (failures, least, most) in
            [(1, 500, 1_000), (2, 1_000, 2_000), (5, 8_000, 16_000), (9, 128_000, 256_000), (10, 150_000, 300_000)]
        {
            assert_eq!(pause(failures, &Same(0)).as_millis(), least, "{failures}");
            assert_eq!(pause(failures, &Same(0xFF)).as_millis(), most, "{failures}");
        }
        assert_eq!(pause(u32::MAX, &None), LONGEST);
    }
}
