//! Log: a message for the server's log (KMIP 2.1 §6.1.29).

structure! {
    /// What is to be logged.
    LogRequest {
        log_message: String = LogMessage, V2_0;
    }
}

structure! {
    /// Nothing.
    LogResponse {}
}
