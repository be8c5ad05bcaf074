//! Mutual TLS 1.3 handshakes, against a bare server of tokio-rustls with the same certificates that does nothing else.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ServerSessionMemoryCache, WebPkiClientVerifier},
    version::TLS13,
};
use strongroom_tests::{Appliance, dial, papers_over};
use tokio::{net::TcpListener, runtime::Builder};
use tokio_rustls::TlsAcceptor;

use crate::measure::median;

/// The section.
pub(crate) fn run() {
    let appliance = Appliance::start();
    let Some(bare) = bare(&appliance.dir().join("tls")) else {
        say!("skipped: a bare TLS server cannot be started");
        return;
    };
    let mut config = match papers_over(appliance.doors(), "alice", &[&TLS13]) {
        Ok(config) => config,
        Err(why) => {
            say!("skipped: {why}");
            return;
        }
    };
    config.resumption = Resumption::disabled();
    let config = Arc::new(config);
    say!("\nmutual TLS 1.3 handshakes, full, from the connection to the server's word that it took the certificate\n");
    for threads in [1, 4] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        // Turn by turn, so that whatever else the machine does meets both.
        for _ in 0..ROUNDS {
            ours.extend(rate(&appliance.doors().kmip, &config, threads));
            theirs.extend(rate(&bare.to_string(), &config, threads));
        }
        let (ours, theirs) = (median(ours), median(theirs));
        let share = theirs.as_secs_f64() / ours.as_secs_f64() * 100.0;
        say!("{threads} at a time {ours:>12?} each   bare tokio-rustls {theirs:>12?}   {share:>4.0} % of its rate");
    }
}

/// The time of a handshake where so many shake hands at a time; nothing when one fails.
fn rate(address: &str, config: &Arc<ClientConfig>, threads: u32) -> Option<Duration> {
    let began = Instant::now();
    let all = thread::scope(|scope| {
        let working: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| (0..HANDSHAKES).all(|_| shake(address, config).is_some()))).collect();
        working.into_iter().all(|thread| thread.join().unwrap_or(false))
    });
    all.then(|| began.elapsed() / (threads * HANDSHAKES))
}

/// One handshake. The client believes itself done before the server has looked at its certificate; the server's word
/// is the session ticket that follows.
fn shake(address: &str, config: &Arc<ClientConfig>) -> Option<()> {
    let mut stream = dial(address, Arc::clone(config)).ok()?;
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).ok()?;
    }
    while stream.conn.tls13_tickets_received() == 0 {
        stream.conn.read_tls(&mut stream.sock).ok().filter(|read| *read > 0)?;
        stream.conn.process_new_packets().ok()?;
    }
    Some(())
}

/// A server that shakes hands and hangs up with the peer, on a thread of its own until the process ends.
fn bare(folder: &Path) -> Option<SocketAddr> {
    let read = |name: &str| fs::read(folder.join(name)).ok();
    let certificates = |name: &str| -> Option<Vec<CertificateDer<'static>>> {
        CertificateDer::pem_slice_iter(&read(name)?).collect::<Result<_, _>>().ok()
    };
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(certificates("authority.pem")?);
    let provider = Arc::new(default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider)).build().ok()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .ok()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates("server.pem")?, PrivateKeyDer::from_pem_slice(&read("server.key")?).ok()?)
        .ok()?;
    config.session_storage = ServerSessionMemoryCache::new(1024);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let runtime = Builder::new_multi_thread().enable_all().build().ok()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).ok()?;
    let address = listener.local_addr().ok()?;
    thread::spawn(move || {
        runtime.block_on(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    if let Ok(mut stream) = acceptor.accept(stream).await {
                        // Until the peer hangs up.
                        let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0]).await;
                    }
                });
            }
        });
    });
    Some(address)
}

const ROUNDS: u32 = 9;
const HANDSHAKES: u32 = 50;
