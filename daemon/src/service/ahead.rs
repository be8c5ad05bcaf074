//! What is done before it is asked for.

use super::registry::Service;

impl Service {
    /// Lets a slot make one thing ahead, unless slow work is under way that was asked for; whether there was anything to make.
    /// From then on the calling thread runs only while nobody else wants the processor.
    pub fn provide(&self) -> bool {
        self.later.pool().is_free() && self.vault.prepare()
    }
}
