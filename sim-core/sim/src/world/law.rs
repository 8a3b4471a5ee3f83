//! What the law allows now.

use super::World;

impl World<'_> {
    /// Whether the law lets a service run at a site now.
    #[inline]
    pub(super) fn may_serve(&self, service: usize, site: usize) -> bool {
        self.setup.model.legal_service[service][site].at(self.now)
    }

    /// Whether the law lets a campaign run at a site now.
    #[inline]
    pub(super) fn may_train(&self, campaign: usize, site: usize) -> bool {
        self.setup.model.legal_campaign[campaign][site].at(self.now)
    }

    /// The event by which the law forbids a service at a site.
    pub(super) fn law_cause(&self, _service: usize, _site: usize) -> Option<u64> {
        None
    }

    /// The event by which the law forbids a campaign at a site.
    pub(super) fn training_law_cause(&self, _campaign: usize, _site: usize) -> Option<u64> {
        None
    }
}
