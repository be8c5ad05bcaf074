//! The PKCS#11 module under other people's programs: OpenSC's pkcs11-tool, OpenSSL's engine and provider, nginx, OpenSSH, NSS, Java,
//! GnuTLS, Apache, strongSwan, BIND, python-pkcs11, cryptoki and Node, each against an appliance of its own, and many at once.

mod apache;
mod bench;
mod bind;
mod engine;
mod gnutls;
mod java;
mod nginx;
mod node;
mod nss;
mod provider;
mod python;
mod remote;
mod soak;
mod ssh;
mod strongswan;
mod suites;
mod tool;
