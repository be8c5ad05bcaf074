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
    /// Nanoseconds of the waits that tried one way.
    awake: [u32; TRIED],
    asleep: [u32; TRIED],
    better: Way,
    /// How long a wait usually takes.
    usual: Option<Duration>,
    /// Waits one after the other that were looked for too long.
    missing: u32,
    /// Pauses one after the other that were begun looking.
    pauses: u32,
}

/// How to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Looking again and again, for a short while.
    Awake,
    /// Until the system wakes the thread.
    Asleep,
}

/// What came of a wait that was begun in the way that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// It ended in that way.
    Fine,
    /// Whoever looked has looked for too long, and went on asleep.
    Vain,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            waits: 0,
            round: SHORTEST,
            awake: [0; TRIED],
            asleep: [0; TRIED],
            better: Way::Asleep,
            usual: None,
            missing: 0,
            pauses: 0,
        }
    }
}

impl Watch {
    /// How to wait now.
    pub fn way(&self) -> Way {
        match self.at() {
            _ if self.pauses >= FEW => Way::Asleep,
            0..TRIED => Way::Awake,
            TRIED..BOTH => Way::Asleep,
            _ => self.better,
        }
    }

    /// How long to sleep, at most, before it is worth to look: what is awaited does not come sooner, as far as is known.
    pub fn nap(&self) -> Duration {
        self.usual.map_or(Duration::ZERO, |usual| (usual - usual / 8).saturating_sub(WAKING))
    }

    /// How long to look, the nap included.
    pub fn patience(&self) -> Duration {
        self.usual.map_or(2 * WAKING, |usual| usual.saturating_add(usual / 2).saturating_add(WAKING))
    }

    /// A wait in the way that was said is over, and took so long.
    pub fn took(&mut self, time: Duration, look: Look) {
        if time > PAUSE {
            // Nobody asked, or what was asked for takes its time. It says nothing of how to wait while there is more to do.
            self.pauses = if look == Look::Vain { self.pauses.saturating_add(1) } else { self.pauses };
            return;
        }
        let (way, at, rested) = (self.way(), self.at(), self.pauses >= FEW);
        self.pauses = 0;
        self.usual = Some(self.usual.map_or(time, |usual| (usual * 7 + time) / 8));
        if rested {
            // It was slept through, whichever way was to be tried.
            return;
        }
        let tried = if way == Way::Awake { &mut self.awake } else { &mut self.asleep };
        if let Some(place) = at.checked_sub(if way == Way::Awake { 0 } else { TRIED }).and_then(|at| tried.get_mut(at))
        {
            *place = u32::try_from(time.as_nanos()).unwrap_or(u32::MAX);
        }
        self.waits = self.waits.saturating_add(1);
        if self.at() == BOTH {
            self.decide(if middle(self.awake) < middle(self.asleep) { Way::Awake } else { Way::Asleep });
        }
        self.missing = match (look, way) {
            (Look::Vain, _) => self.missing.saturating_add(1),
            (Look::Fine, Way::Awake) => 0,
            (Look::Fine, Way::Asleep) => self.missing,
        };
        if self.missing >= FEW {
            // They cannot come before the thread sleeps.
            (self.missing, self.waits) = (0, self.waits.max(BOTH as u32));
            self.decide(Way::Asleep);
        }
        if self.waits >= self.round {
            self.waits = 0;
        }
    }

    /// Keeps to a way, the longer the more often it was the better one.
    fn decide(&mut self, better: Way) {
        self.round = if better == self.better { self.round.saturating_mul(2).min(LONGEST) } else { SHORTEST };
        self.better = better;
    }

    fn at(&self) -> usize {
        usize::try_from(self.waits).unwrap_or(usize::MAX)
    }
}

/// The wait that as many exceed as fall short of: one that something else of the machine's has drawn out decides nothing.
fn middle(mut waits: [u32; TRIED]) -> u32 {
    waits.sort_unstable();
    waits.get(TRIED / 2).copied().unwrap_or_default()
}

/// Waits that try one way.
const TRIED: usize = 8;
/// Waits that try both.
const BOTH: usize = 2 * TRIED;
/// Waits in a round, after the better way has changed, and when it has not for long.
const SHORTEST: u32 = 128;
const LONGEST: u32 = 2048;
/// Waits in vain, one after the other, after which there is no more looking.
const FEW: u32 = 4;
/// As long as it takes a processor that has nothing to do to be woken, on a virtual machine whose host must be asked.
const WAKING: Duration = Duration::from_micros(200);
/// Whoever waits for longer does not notice how it is woken.
const PAUSE: Duration = Duration::from_millis(3);

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_micros(20);
    const LONG: Duration = Duration::from_micros(50);

    /// The ways of so many waits that take as long as said.
    fn ways(watch: &mut Watch, waits: u32, awake: Duration, asleep: Duration) -> Vec<Way> {
        let wait = |_| {
            let way = watch.way();
            watch.took(if way == Way::Awake { awake } else { asleep }, Look::Fine);
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
            ("looking lets a processor sleep less", WAKING, 2 * WAKING, Way::Awake),
        ] {
            let ways = ways(&mut Watch::default(), SHORTEST, awake, asleep);
            assert!(ways[BOTH..].iter().all(|way| *way == kept), "{name}: {ways:?}");
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
    fn who_looks_in_vain_again_and_again_sleeps_for_the_rest_of_the_round() {
        let mut watch = Watch::default();
        for _ in 0..FEW {
            assert_eq!(watch.way(), Way::Awake);
            watch.took(LONG, Look::Vain);
        }
        let ways = ways(&mut watch, SHORTEST - BOTH as u32, SHORT, LONG);
        assert!(ways.iter().all(|way| *way == Way::Asleep), "{ways:?}");
    }

    #[test]
    fn a_wait_drawn_out_by_something_else_decides_nothing() {
        let mut watch = Watch::default();
        for wait in 0..BOTH {
            let time = if watch.way() == Way::Asleep { LONG } else { SHORT };
            watch.took(if wait == 3 { PAUSE } else { time }, Look::Fine);
        }
        assert_eq!(watch.way(), Way::Awake);
    }

    #[test]
    fn pauses_say_nothing_but_are_not_looked_through_for_ever() {
        let mut watch = Watch::default();
        ways(&mut watch, 100, SHORT, LONG);
        assert_eq!(watch.way(), Way::Awake);
        for _ in 0..FEW {
            assert_eq!(watch.way(), Way::Awake);
            watch.took(10 * PAUSE, Look::Vain);
        }
        assert_eq!(watch.way(), Way::Asleep, "nobody has asked for a while");
        watch.took(10 * PAUSE, Look::Fine);
        assert_eq!(watch.way(), Way::Asleep);
        watch.took(LONG, Look::Fine);
        assert_eq!(watch.way(), Way::Awake, "whoever asks again and again is known");
        assert_eq!((watch.waits, watch.usual > Some(SHORT)), (100, true), "it counts for no way that was not taken");
    }

    #[test]
    fn both_ends_that_sleep_wake_each_other_for_good() {
        // An answer that takes as long as a signature, and processors that are woken slowly on either side.
        let (mut near, mut far) = (Watch::default(), Watch::default());
        for watch in [&mut near, &mut far] {
            watch.decide(Way::Asleep);
            watch.waits = BOTH as u32;
        }
        for _ in 0..LONGEST {
            let cost = |watch: &Watch| if watch.way() == Way::Awake { Duration::ZERO } else { WAKING };
            let (asker, server) = (cost(&near), cost(&far));
            near.took(server + 3 * SHORT + asker, Look::Fine);
            far.took(asker + SHORT + server, Look::Fine);
        }
        assert_eq!((near.better, far.better), (Way::Awake, Way::Awake));
    }

    #[test]
    fn what_takes_long_is_slept_through_but_for_its_end() {
        let mut watch = Watch::default();
        for (name, time, nap) in
            [("a short one", LONG, Duration::ZERO), ("a long one", 4 * WAKING, 4 * WAKING * 7 / 8 - WAKING)]
        {
            (0..100).for_each(|_| watch.took(time, Look::Fine));
            let (found, over) = (watch.nap(), watch.patience());
            assert!(found.abs_diff(nap) < SHORT && over > time + WAKING, "{name}: {found:?} {over:?}");
        }
    }

    #[test]
    fn trying_takes_few_of_many_waits() {
        let mut watch = Watch::default();
        ways(&mut watch, 10 * LONGEST, LONG, SHORT);
        let awake = ways(&mut watch, LONGEST, LONG, SHORT).iter().filter(|way| **way == Way::Awake).count();
        assert!(awake <= TRIED, "{awake}");
    }
}
