//! KMIP over TLS, against a PyKMIP server in the same run: what a request takes over one connection and over eight, and
//! what a connection costs that says nothing.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use strongroom::slate::{BLOCK, Board, Sheet, Slate};
use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters, Name},
    client::Error,
    code::{BlockCipherMode, CryptographicAlgorithm, PaddingMethod, QueryFunction, ResultStatus},
    message::RequestMessage,
    operation::Request,
    payload::{ActivateRequest, EncryptRequest, LocateRequest, QueryRequest},
    secret::Secret,
    ttlv::Bytes,
    version::V1_2,
};
use strongroom_tests::{
    Appliance, Doors, Folder, Line, PyKmip, connect,
    key::{aes, whole},
};

use crate::measure::median;

/// The section.
pub(crate) fn run() {
    let appliance = Appliance::start();
    let doors = appliance.doors();
    thread::sleep(REST);
    let fresh = resident(doors.pid);
    say!(
        "\nKMIP 1.2 over TLS, time of a request; at eight connections, the whole time by all requests. More than 1.0x"
    );
    say!(
        "is ahead of PyKMIP's server. Ours is durable: the log is on the disk before the answer, theirs asks SQLite to be.\n"
    );
    let ours = figures(doors);
    let folder = Folder::new();
    let theirs = match PyKmip::start(&appliance, folder.path()) {
        Some(rival) => figures(&Doors { kmip: rival.address.clone(), ..doors.clone() }),
        None => {
            say!("skipped: the PyKMIP server cannot be started; ours alone:");
            for (what, time) in &ours {
                say!("{what:<32} {time:>12?}");
            }
            return;
        }
    };
    for (what, time) in &ours {
        match (time, theirs.iter().find(|(same, _)| same == what).map(|(_, time)| time)) {
            (Ok(ours), Some(Ok(theirs))) => {
                let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
                say!("{what:<32} {ours:>12?}   PyKMIP {theirs:>12?}   {ratio:>6.1}x");
            }
            (ours, theirs) => {
                say!("{what:<32} ours: {ours:?}, PyKMIP: {theirs:?}");
            }
        }
    }
    floor(&appliance, &ours);
    memory(&appliance, fresh);
}

/// What no answer that is durable first can be faster than: one write of a block to the disk that the appliance is on, as it
/// writes its own.
fn floor(appliance: &Appliance, figures: &[Figure]) {
    let Ok((board, _)) = Board::open(&appliance.folder().join("measured"), 1) else {
        say!("skipped: the disk cannot be written to");
        return;
    };
    let mut sheet = Sheet::default();
    let block = sheet.fill(&[&[7; BLOCK]]);
    let write = || {
        let began = Instant::now();
        board.write(block, 0).is_ok().then(|| began.elapsed())
    };
    let floor = median((0..REQUESTS).map_while(|_| write()).collect());
    say!("\n{:<32} {floor:>12?}", "a durable write of 4 KiB, raw");
    for (what, time) in figures {
        if let (true, Ok(time)) = (["Get", "Create"].contains(what), time) {
            say!("{:<32} {:>12?}", format!("{what}, beyond that"), time.saturating_sub(floor));
        }
    }
}

/// How much the daemon holds at rest, before it was asked anything and after all of it, and for each connection that says
/// nothing.
fn memory(appliance: &Appliance, fresh: u64) {
    let pid = appliance.doors().pid;
    thread::sleep(REST);
    let before = resident(pid);
    let lines: Vec<Line> = (0..CONNECTIONS).map_while(|_| connect(appliance.doors(), "alice", V1_2).ok()).collect();
    thread::sleep(REST);
    let after = resident(pid);
    let each = after.saturating_sub(before) / u64::try_from(lines.len().max(1)).unwrap_or(1);
    say!("\nresident memory: {fresh} KiB just started, {before} KiB at rest after that load");
    say!("and {each} KiB for each of {} idle TLS connections", lines.len());
}

fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

type Figure = (&'static str, Result<Duration, String>);

/// What each request takes on this server, in the order in which they are told.
fn figures(doors: &Doors) -> Vec<Figure> {
    let mut line = match connect(doors, "alice", V1_2) {
        Ok(line) => line,
        Err(why) => return vec![("connecting", Err(why))],
    };
    let id = match line.ask(aes(Some("bench-key"))).and_then(|made| {
        line.ask(ActivateRequest { unique_identifier: Some(made.unique_identifier.clone().into()) })?;
        Ok(made.unique_identifier)
    }) {
        Ok(id) => id,
        Err(why) => return vec![("making a key", Err(why.to_string()))],
    };
    let get = || whole(&id.0);
    let encrypt = || EncryptRequest {
        unique_identifier: Some(id.clone().into()),
        cryptographic_parameters: Some(CryptographicParameters {
            block_cipher_mode: Some(BlockCipherMode::CBC),
            padding_method: Some(PaddingMethod::PKCS5),
            cryptographic_algorithm: Some(CryptographicAlgorithm::AES),
            ..CryptographicParameters::default()
        }),
        data: Some(Secret::new(vec![7; 1024])),
        iv_counter_nonce: Some(Bytes(vec![9; 16])),
        ..EncryptRequest::default()
    };
    let query = || QueryRequest {
        query_function: vec![QueryFunction::QueryOperations, QueryFunction::QueryObjects],
        object_groups: None,
    };
    vec![
        ("Query", alone(&mut line, |line, _| line.ask(query()).map(drop))),
        ("Get", alone(&mut line, |line, _| line.ask(get()).map(drop))),
        ("Encrypt 1 KiB", alone(&mut line, |line, _| line.ask(encrypt()).map(drop))),
        // Before anything else is made, so that a thousand are all there are.
        ("Locate by name among 1,000", among(&mut line, THOUSAND)),
        ("Create", alone(&mut line, |line, turn| line.ask(aes(Some(&format!("bench-alone-{turn}")))).map(drop))),
        (
            "Create, eight connections",
            together(doors, |line, turn| line.ask(aes(Some(&format!("bench-eight-{turn}")))).map(drop)),
        ),
        ("Get, eight connections", together(doors, |line, _| line.ask(get()).map(drop))),
    ]
}

/// The median time of a request over one connection. `turn` is another number each time.
fn alone(line: &mut Line, mut request: impl FnMut(&mut Line, usize) -> Result<(), Error>) -> Result<Duration, String> {
    let mut times = Vec::with_capacity(REQUESTS);
    let began = Instant::now();
    for turn in 0..REQUESTS {
        let start = Instant::now();
        request(line, turn).map_err(|why| why.to_string())?;
        times.push(start.elapsed());
        if began.elapsed() > LONGEST {
            break;
        }
    }
    Ok(median(times))
}

/// The time that eight connections take at once, by the number of requests that they make.
fn together(doors: &Doors, request: impl Fn(&mut Line, usize) -> Result<(), Error> + Sync) -> Result<Duration, String> {
    let mut lines = Vec::new();
    for _ in 0..EIGHT {
        let mut line = connect(doors, "alice", V1_2)?;
        // Hands are shaken before the clock is looked at.
        line.ask(QueryRequest { query_function: vec![QueryFunction::QueryObjects], object_groups: None })
            .map_err(|why| why.to_string())?;
        lines.push(line);
    }
    let began = Instant::now();
    let counts: Vec<Result<u32, Error>> = thread::scope(|scope| {
        let request = &request;
        let work = lines.into_iter().enumerate().map(|(number, mut line)| {
            scope.spawn(move || {
                let mut count = 0;
                for turn in 0..REQUESTS {
                    request(&mut line, number * REQUESTS + turn)?;
                    count += 1;
                    if began.elapsed() > LONGEST {
                        break;
                    }
                }
                Ok(count)
            })
        });
        let working: Vec<_> = work.collect();
        working.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let took = began.elapsed();
    let mut sum = 0;
    for count in counts {
        sum += count.map_err(|why| why.to_string())?;
    }
    took.checked_div(sum).ok_or_else(|| "nothing was answered".to_owned())
}

/// Locate by name once there are so many objects beside the one that is there.
fn among(line: &mut Line, objects: usize) -> Result<Duration, String> {
    for number in 1..objects {
        line.ask(aes(Some(&format!("bench-among-{number}")))).map_err(|why| why.to_string())?;
    }
    find(line, "bench-among-1")
}

/// Locate by the name of one object.
fn find(line: &mut Line, name: &str) -> Result<Duration, String> {
    alone(line, |line, _| match line.ask(locate(name))?.unique_identifier.len() {
        1 => Ok(()),
        _ => Err(Error::Mismatch),
    })
}

/// Locate by name among a hundred and among a hundred thousand, on an appliance of its own.
pub(crate) fn many() {
    let mut appliance = Appliance::start();
    let doors = appliance.doors();
    let look = |from: usize, to: usize| -> Result<Duration, String> {
        thread::scope(|scope| {
            let filling: Vec<_> =
                (0..EIGHT).map(|part| scope.spawn(move || fill(doors, (from + part..to).step_by(EIGHT)))).collect();
            filling.into_iter().try_for_each(|part| part.join().map_err(|_| "a thread ended early".to_owned())?)
        })?;
        find(&mut connect(doors, "alice", V1_2)?, "bench-many-50")
    };
    say!("\nLocate by name over one connection, as objects become many\n");
    match look(0, 100).and_then(|few| Ok((few, look(100, 100_000)?))) {
        Ok((few, many)) => {
            let ratio = many.as_secs_f64() / few.as_secs_f64();
            say!("among 100 {few:>12?}   among 100,000 {many:>12?}   {ratio:>6.2} times");
        }
        Err(why) => {
            say!("skipped: {why}");
        }
    }
    say!("resident memory with 100,000 keys: {} KiB", resident(doors.pid));
    let began = Instant::now();
    appliance.restart();
    let serves = connect(appliance.doors(), "alice", V1_2)
        .and_then(|mut line| line.ask(locate("bench-many-50")).map_err(|why| why.to_string()));
    match serves {
        Ok(_) => {
            say!("from a kill to an answer with 100,000 keys: {:?}", began.elapsed());
        }
        Err(why) => {
            say!("it does not serve after a kill: {why}");
        }
    }
}

/// Makes keys of these numbers, many in one message.
fn fill(doors: &Doors, numbers: impl Iterator<Item = usize>) -> Result<(), String> {
    let mut line = connect(doors, "alice", V1_2)?;
    let mut creates = numbers.map(|number| Request::from(aes(Some(&format!("bench-many-{number}"))))).peekable();
    while creates.peek().is_some() {
        let message = RequestMessage::of(V1_2, creates.by_ref().take(BATCH));
        let answer = line.exchange(&message).map_err(|why| why.to_string())?;
        if let Some(refused) = answer.items.iter().find(|item| item.result_status != ResultStatus::Success) {
            return Err(refused.result_message.clone().unwrap_or_default());
        }
    }
    Ok(())
}

fn locate(name: &str) -> LocateRequest {
    LocateRequest { attributes: [Attribute::Name(Name::text(name))].into_iter().collect(), ..LocateRequest::default() }
}

const REQUESTS: usize = 300;
const EIGHT: usize = 8;
const THOUSAND: usize = 1000;
const BATCH: usize = 200;
const CONNECTIONS: usize = 1000;

/// After so long a daemon that is asked nothing is at rest.
const REST: Duration = Duration::from_secs(2);

/// No measurement goes on for longer, however slow the server is.
const LONGEST: Duration = Duration::from_secs(10);
