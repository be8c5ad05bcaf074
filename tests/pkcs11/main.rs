//! The PKCS#11 module under other people's programs: OpenSC's pkcs11-tool, OpenSSL's engine, GnuTLS's p11tool and
//! python-pkcs11, each against an appliance of its own.

mod bench;
mod engine;
mod gnutls;
mod python;
mod remote;
mod tool;
