//! What slots make before it is asked for, while the vault is open and no longer.

use super::door::Vault;

impl Vault {
    /// Lets a slot make one thing ahead; whether there was anything to make. From then on the calling thread runs only while
    /// nobody else wants the processor.
    pub fn prepare(&self) -> bool {
        if self.is_sealed() {
            return false;
        }
        let made = self.slots().iter().any(|fitted| fitted.slot.prepare());
        // It may have been sealed meanwhile, and then nothing is kept.
        if self.is_sealed() {
            self.forget();
        }
        made
    }

    /// Wipes what slots have made ahead.
    pub fn forget(&self) {
        self.slots().iter().for_each(|fitted| fitted.slot.forget());
    }
}
