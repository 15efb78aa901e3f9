//! The words that a runbook's line may use, and the walk from a line to its steps.

use super::expansion::{Expansion, Now};
use super::runbook::{Line, List};
use super::slug;
use super::{access, checks, databases, edge, fence, images, network, parameters, services};
use crate::failure::Failure;
use crate::printable::Printable;

/// What a line may be used for.
struct Use {
    name: &'static str,
    /// The list that `for_each` goes over; nothing for a use that stands for the whole stack.
    list: Option<List>,
    expand: fn(&mut Expansion<'_>, usize),
}

const USES: &[Use] = &[
    Use {
        name: "keys",
        list: None,
        expand: access::keys,
    },
    Use {
        name: "network",
        list: None,
        expand: network::network,
    },
    Use {
        name: "access",
        list: None,
        expand: access::access,
    },
    Use {
        name: "secrets",
        list: Some(List::Secrets),
        expand: access::secret,
    },
    Use {
        name: "secret-promotion",
        list: Some(List::Secrets),
        expand: access::promotion,
    },
    Use {
        name: "parameters",
        list: Some(List::Parameters),
        expand: parameters::parameter,
    },
    Use {
        name: "images",
        list: Some(List::Images),
        expand: images::images,
    },
    Use {
        name: "logs",
        list: None,
        expand: images::logs,
    },
    Use {
        name: "certificates",
        list: None,
        expand: edge::certificates,
    },
    Use {
        name: "balancers",
        list: None,
        expand: edge::balancers,
    },
    Use {
        name: "dns-ttl",
        list: Some(List::Dns),
        expand: edge::lower_ttl,
    },
    Use {
        name: "dns-in-sync",
        list: Some(List::Dns),
        expand: edge::in_sync,
    },
    Use {
        name: "dns-ttl-restored",
        list: Some(List::Dns),
        expand: edge::restore_ttl,
    },
    Use {
        name: "dns-cut",
        list: Some(List::Dns),
        expand: edge::cut,
    },
    Use {
        name: "outside-check",
        list: Some(List::Dns),
        expand: checks::outside,
    },
    Use {
        name: "database-settings",
        list: Some(List::Databases),
        expand: databases::settings,
    },
    Use {
        name: "database-seed",
        list: Some(List::Databases),
        expand: databases::seed,
    },
    Use {
        name: "database-move",
        list: Some(List::Databases),
        expand: databases::restore,
    },
    Use {
        name: "database-checks",
        list: Some(List::Databases),
        expand: databases::verify,
    },
    Use {
        name: "database-finish",
        list: Some(List::Databases),
        expand: databases::finish,
    },
    Use {
        name: "probe",
        list: Some(List::Databases),
        expand: fence::probe,
    },
    Use {
        name: "probe-removal",
        list: Some(List::Databases),
        expand: databases::remove_probes,
    },
    Use {
        name: "fence",
        list: None,
        expand: fence::fence,
    },
    Use {
        name: "write-refused",
        list: Some(List::Databases),
        expand: fence::write_refused,
    },
    Use {
        name: "watermark",
        list: Some(List::Databases),
        expand: fence::watermark,
    },
    Use {
        name: "compute",
        list: None,
        expand: services::clusters,
    },
    Use {
        name: "services",
        list: Some(List::Services),
        expand: services::service,
    },
    Use {
        name: "checks",
        list: None,
        expand: checks::checks,
    },
    Use {
        name: "watch",
        list: None,
        expand: checks::watch,
    },
];

impl<'a> Expansion<'a> {
    pub(super) fn line(&mut self, phase: &str, line: &crate::manifest::Located<Line>) {
        let Some(row) = USES.iter().find(|row| row.name == line.uses.value) else {
            let known: Vec<&str> = USES.iter().map(|row| row.name).collect();
            let failure = Failure::input(
                "E1041",
                format!("nothing is called `{}`", Printable(&line.uses.value)),
            )
            .at(self.sources, line.uses.at, "used here");
            self.found.push(
                match crate::manifest::typed::nearest(&line.uses.value, &known) {
                    Some(near) => failure.hint(format!("did you mean `{near}`?")),
                    None => failure.hint(format!("uses are: {}", known.join(", "))),
                },
            );
            return;
        };
        let each = line.for_each.as_ref().map(|list| list.value);
        if each != row.list {
            let at = line.for_each.as_ref().map_or(line.uses.at, |list| list.at);
            let message = match row.list {
                Some(list) => format!("`{}` is for one of the {} at a time", row.name, list.word()),
                None => format!("`{}` is for the whole stack", row.name),
            };
            let hint = row.list.map_or_else(
                || "leave `for_each` out".to_owned(),
                |list| format!("write `for_each: {}`", list.word()),
            );
            self.found.push(
                Failure::input("E1048", message)
                    .at(self.sources, at, "here")
                    .hint(hint),
            );
            return;
        }
        let items: Vec<Option<String>> = match row.list {
            None => vec![None],
            Some(List::Databases) => self
                .manifest
                .databases
                .iter()
                .map(|d| Some(d.name.to_string()))
                .collect(),
            Some(List::Secrets) => self
                .manifest
                .secrets
                .iter()
                .map(|s| Some(slug(s.name.as_str())))
                .collect(),
            Some(List::Parameters) => self
                .manifest
                .parameters
                .iter()
                .map(|p| Some(slug(p.name.as_str())))
                .collect(),
            Some(List::Images) => self
                .manifest
                .images
                .iter()
                .map(|i| Some(slug(i.repository.as_str())))
                .collect(),
            Some(List::Services) => self
                .manifest
                .services
                .iter()
                .map(|s| Some(s.name.to_string()))
                .collect(),
            Some(List::Dns) => self
                .manifest
                .dns
                .iter()
                .map(|r| Some(slug(r.record.as_str())))
                .collect(),
        };
        for (index, item) in items.into_iter().enumerate() {
            self.now = Now {
                phase: phase.to_owned(),
                line: line.id.to_string(),
                at: line.id.at,
                deadline: line
                    .deadline
                    .as_ref()
                    .map(|d| d.as_secs().min(u64::from(u32::MAX)) as u32),
                confirm: line.confirm.is_some(),
                item,
            };
            (row.expand)(self, index);
        }
    }
}
