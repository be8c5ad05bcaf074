//! Not by chance but at every step in turn: a store that is being made, and one that is opened again and written to, is
//! killed or loses its power in the middle of each call that changes or syncs something.

use std::process::Command;

use strongroom_tests::{Folder, Powerloss, run};

use crate::round::{Chronicle, End, FEW, round};
use crate::{dice, every_lasting_member, loss};

/// A store that has been opened and written to so often, and what it must have.
fn prepare(member: &str, openings: usize) -> (Folder, Chronicle) {
    let (folder, mut chronicle) = (Folder::new(), Chronicle::default());
    for _ in 0..openings {
        let lines = round(member, &folder.join("store"), &[], End::AfterFew);
        chronicle.follow(&format!("{member}, made ready"), &lines);
    }
    (folder, chronicle)
}

fn copy(folder: &Folder) -> Folder {
    let copy = Folder::new();
    let _ = run(Command::new("cp").arg("-a").arg(folder.join(".")).arg(copy.path())).succeeds();
    copy
}

#[test]
fn a_crash_at_any_step_loses_nothing_acknowledged() {
    let powerloss = Powerloss::build();
    every_lasting_member(|member| {
        let mut dice = dice(4);
        for openings in 0..3 {
            let (ready, before) = prepare(member, openings);
            let mut step = 0;
            let mut finished = false;
            while !finished {
                step += 1;
                let (folder, mut chronicle) = (copy(&ready), before.clone());
                chronicle.note(format!("opened {openings} times, then a crash at step {step}"));
                let watch = powerloss.watch(folder.path());
                let mut env = watch.env().to_vec();
                env.push(("STRONGROOM_POWERLOSS_KILL", step.to_string().into()));
                let lines = round(member, &folder.join("store"), &env, End::AfterFew);
                finished = chronicle.follow(member, &lines) == FEW as u64;
                if step % 3 > 0 {
                    let loss = loss(step, &mut dice);
                    chronicle.note(format!("{loss:?}"));
                    watch.restore(loss);
                }
                // Under the model too, because its syncs are cheap.
                let watch = powerloss.watch(folder.path());
                let lines = round(member, &folder.join("store"), &watch.env(), End::ByItself);
                chronicle.follow(member, &lines);
            }
            println!("{member}: opened {openings} times, then a crash at each of {step} steps, nothing lost");
            assert!(step > 20, "the steps were not counted");
        }
    });
}
