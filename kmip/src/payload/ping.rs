//! Ping: whether the server is there (KMIP 2.1 §6.1.36).

structure! {
    /// Nothing.
    PingRequest {}
}

structure! {
    /// Nothing.
    PingResponse {}
}
