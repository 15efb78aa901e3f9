//! EC2: the network of a stack, from the VPC to the NAT gateway.

mod dry_run;
mod gateway;
mod peering;
mod route_table;
mod security_group;
mod subnet;
mod vpc;

use crate::cloud::Tags;
use aws_sdk_ec2::types as aws;
use serde_json::{Value, json};

pub use dry_run::DryRun;
pub use gateway::{Address, InternetGateway, NatGateway};
pub use peering::Peering;
pub use route_table::{Association, Route, RouteTable};
pub use security_group::{Peer, Rule, SecurityGroup};
pub use subnet::{Subnet, Zone};
pub use vpc::Vpc;

const SERVICE: &str = "ec2";

fn tags_of(list: &[aws::Tag]) -> Tags {
    list.iter()
        .filter_map(|t| {
            Some((
                t.key()?.to_owned(),
                t.value().unwrap_or_default().to_owned(),
            ))
        })
        .collect()
}

fn specification(kind: aws::ResourceType, tags: &Tags) -> aws::TagSpecification {
    let mut builder = aws::TagSpecification::builder().resource_type(kind);
    for (k, v) in tags {
        builder = builder.tags(aws::Tag::builder().key(k).value(v).build());
    }
    builder.build()
}

fn json_specification(kind: &str, tags: &Tags) -> Value {
    json!([{ "ResourceType": kind, "Tags": tags.iter().map(|(k, v)| json!({ "Key": k, "Value": v })).collect::<Vec<_>>() }])
}

fn text(s: Option<&str>) -> String {
    s.unwrap_or_default().to_owned()
}

/// One shared look of a whole list.
macro_rules! list {
    ($(#[$doc:meta])* $name:ident, $describe:ident, $operation:literal, $item:ty, $convert:expr) => {
        $(#[$doc])*
        pub async fn $name(&self, region: &str, look: drtool_engine::step::Look) -> Result<std::sync::Arc<Vec<$item>>, $crate::cloud::error::CloudError> {
            let key = concat!("ec2/", stringify!($name), "/").to_owned() + region;
            self.looks()
                .shared($crate::cloud::ec2::SERVICE, key, look, async {
                    let mut pages = self.ec2(region).$describe().into_paginator().items().send();
                    let mut all = Vec::new();
                    while let Some(item) = pages.next().await {
                        let item = item.map_err($crate::cloud::refused($crate::cloud::ec2::SERVICE, $operation, region, "the whole list"))?;
                        all.push($convert(&item));
                    }
                    Ok(all)
                })
                .await
        }
    };
}
pub(super) use list;
