//! The PKCS#11 module under other people's programs: OpenSC's pkcs11-tool, OpenSSL's engine, nginx, OpenSSH, NSS, Java,
//! GnuTLS's p11tool, python-pkcs11 and cryptoki, each against an appliance of its own.

mod bench;
mod engine;
mod gnutls;
mod java;
mod nginx;
mod nss;
mod python;
mod remote;
mod ssh;
mod suites;
mod tool;
