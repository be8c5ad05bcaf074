//! Whether to stay awake while the other end of the wire works, as both ends find out for themselves.
//!
//! To put a thread to sleep and to wake it costs more than a signature does, so that whoever looks again and again has its
//! answer sooner; but not where the other end must run on the very processor that is looked with, which nobody can know
//! beforehand. So both ways are tried in turn, and the better one is kept for a while.

use std::time::Duration;

/// What the waits on one connection have shown.
#[derive(Debug)]
pub struct Watch {
    /// How many waits there were in this round.
    waits: u32,
    /// After how many the next round begins.
    round: u32,
    awake: Duration,
    asleep: Duration,
    better: Way,
}

/// How to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Looking again and again, for a short while.
    Awake,
    /// Until the system wakes the thread.
    Asleep,
}

impl Default for Watch {
    fn default() -> Self {
        Self { waits: 0, round: SHORTEST, awake: Duration::ZERO, asleep: Duration::ZERO, better: Way::Asleep }
    }
}

impl Watch {
    /// How to wait now.
    pub fn way(&self) -> Way {
        match self.waits {
            0..TRIED => Way::Awake,
            TRIED..BOTH => Way::Asleep,
            _ => self.better,
        }
    }

    /// A wait in the way that was said is over, and took so long.
    pub fn took(&mut self, time: Duration) {
        match self.waits {
            0..TRIED => self.awake = self.awake.saturating_add(time),
            TRIED..BOTH => self.asleep = self.asleep.saturating_add(time),
            _ => {}
        }
        self.waits = self.waits.saturating_add(1);
        if self.waits == BOTH {
            self.decide(if self.awake < self.asleep { Way::Awake } else { Way::Asleep });
        }
        if self.waits >= self.round {
            (self.waits, self.awake, self.asleep) = (0, Duration::ZERO, Duration::ZERO);
        }
    }

    /// Whoever looked has looked for too long: the answers are not quick enough, or cannot come before the thread sleeps.
    pub fn in_vain(&mut self) {
        self.waits = self.waits.max(BOTH);
        self.decide(Way::Asleep);
    }

    /// Keeps to a way, the longer the more often it was the better one.
    fn decide(&mut self, better: Way) {
        self.round = if better == self.better { self.round.saturating_mul(2).min(LONGEST) } else { SHORTEST };
        self.better = better;
    }
}

/// Waits that try one way.
const TRIED: u32 = 8;
/// Waits that try both.
const BOTH: u32 = 2 * TRIED;
/// Waits in a round, after the better way has changed, and when it has not for long.
const SHORTEST: u32 = 128;
const LONGEST: u32 = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_micros(20);
    const LONG: Duration = Duration::from_micros(50);

    /// The ways of so many waits that take as long as said.
    fn ways(watch: &mut Watch, waits: u32, awake: Duration, asleep: Duration) -> Vec<Way> {
        let wait = |_| {
            let way = watch.way();
            watch.took(if way == Way::Awake { awake } else { asleep });
            way
        };
        (0..waits).map(wait).collect()
    }

    #[test]
    fn the_way_that_takes_less_is_kept() {
        for (name, awake, asleep, kept) in [
            ("answers come soon", SHORT, LONG, Way::Awake),
            ("looking keeps the other end from working", LONG, SHORT, Way::Asleep),
            ("neither is better", LONG, LONG, Way::Asleep),
        ] {
            let ways = ways(&mut Watch::default(), SHORTEST, awake, asleep);
            assert!(ways[BOTH as usize..].iter().all(|way| *way == kept), "{name}: {ways:?}");
        }
    }

    #[test]
    fn what_has_changed_is_found_out() {
        let mut watch = Watch::default();
        ways(&mut watch, 10 * LONGEST, LONG, SHORT);
        let ways = ways(&mut watch, 2 * LONGEST, SHORT, LONG);
        assert_eq!(ways.last(), Some(&Way::Awake));
    }

    #[test]
    fn who_has_looked_in_vain_sleeps_at_once_and_for_the_rest_of_the_round() {
        let mut watch = Watch::default();
        assert_eq!(watch.way(), Way::Awake);
        watch.in_vain();
        watch.took(LONG);
        let ways = ways(&mut watch, SHORTEST - BOTH, SHORT, LONG);
        assert!(ways.iter().all(|way| *way == Way::Asleep), "{ways:?}");
    }

    #[test]
    fn trying_takes_few_of_many_waits() {
        let mut watch = Watch::default();
        ways(&mut watch, 10 * LONGEST, LONG, SHORT);
        let awake = ways(&mut watch, LONGEST, LONG, SHORT).iter().filter(|way| **way == Way::Awake).count();
        assert!(awake <= TRIED as usize, "{awake}");
    }
}
