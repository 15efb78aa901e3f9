//! Connections: what a vantage point gets when it opens one and sends a request.

use super::{DialAnswer, From, HttpRequest};
use crate::world::World;

impl World {
    /// Opens a connection from `from` to an address (never a name: resolve first) and sends one request, over TLS if
    /// `tls_name` says which name is expected. What the request does in the stack has been done when this returns.
    pub fn dial(
        &mut self,
        _from: &From,
        address: &str,
        _port: u16,
        _tls_name: Option<&str>,
        _request: &HttpRequest,
    ) -> DialAnswer {
        DialAnswer::TimedOut {
            reason: format!("nothing has the address {address}"),
        }
    }
}
