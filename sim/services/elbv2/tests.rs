use super::health::{code_matches, judge};
use super::state::{HealthCheck, Target};
use super::{
    Answered, BalancerAnswer, balancer_by_dns, deregister, register, serve, target_health,
};
use crate::AwsError;
use crate::clock::{MINUTE, SECOND};
use crate::plane::HttpRequest;
use crate::services::ServiceId;
use crate::services::ec2;
use crate::world::World;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-west-2";

/// A VPC with two public subnets, seen by one account in one region.
struct Site {
    world: World,
    vpc: String,
    subnets: Vec<String>,
    group: String,
}

impl Site {
    fn new() -> Site {
        let mut world = World::new(5);
        world.settings.read_lag = 0;
        let mut site = Site {
            world,
            vpc: String::new(),
            subnets: vec![],
            group: String::new(),
        };
        site.vpc = text(
            &site.ec2("CreateVpc", json!({"CidrBlock": "10.0.0.0/16"})),
            "/Vpc/VpcId",
        );
        let gateway = text(
            &site.ec2("CreateInternetGateway", json!({})),
            "/InternetGateway/InternetGatewayId",
        );
        site.ec2(
            "AttachInternetGateway",
            json!({"InternetGatewayId": gateway, "VpcId": site.vpc}),
        );
        for (n, zone) in ["a", "b"].iter().enumerate() {
            let subnet = site.subnet(&format!("10.0.{n}.0/24"), zone);
            site.subnets.push(subnet);
        }
        let input = json!({"VpcId": site.vpc, "GroupName": "front", "Description": "front"});
        site.group = text(&site.ec2("CreateSecurityGroup", input), "/GroupId");
        site
    }

    fn ec2(&mut self, operation: &str, input: Value) -> Value {
        self.world
            .invoke(ACCOUNT, REGION, ServiceId::Ec2, operation, input)
            .unwrap_or_else(|e| panic!("{operation}: {e}"))
    }

    fn subnet(&mut self, cidr: &str, zone: &str) -> String {
        let input = json!({"VpcId": self.vpc, "CidrBlock": cidr, "AvailabilityZone": format!("{REGION}{zone}")});
        text(&self.ec2("CreateSubnet", input), "/Subnet/SubnetId")
    }

    fn ask(&mut self, operation: &str, input: Value) -> Result<Value, AwsError> {
        self.world
            .invoke(ACCOUNT, REGION, ServiceId::Elbv2, operation, input)
    }

    fn call(&mut self, operation: &str, input: Value) -> Value {
        self.ask(operation, input)
            .unwrap_or_else(|e| panic!("{operation}: {e}"))
    }

    fn code(&mut self, operation: &str, input: Value) -> String {
        match self.ask(operation, input) {
            Ok(output) => panic!("{operation} was not refused: {output}"),
            Err(error) => error.code,
        }
    }

    fn wait(&mut self, nanos: u64) {
        let now = self.world.now();
        self.world.advance_to(now + nanos);
    }

    fn wanted(&self, name: &str) -> Value {
        json!({"Name": name, "Subnets": self.subnets, "SecurityGroups": [self.group]})
    }

    fn balancer(&mut self, name: &str) -> String {
        let input = self.wanted(name);
        let made = self.call("CreateLoadBalancer", input);
        self.wait(5 * MINUTE);
        text(&made, "/LoadBalancers/0/LoadBalancerArn")
    }

    fn target_group(&mut self, name: &str, extra: Value) -> String {
        let mut input = json!({"Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": self.vpc, "TargetType": "ip"});
        for (key, value) in extra.as_object().unwrap() {
            input[key] = value.clone();
        }
        text(
            &self.call("CreateTargetGroup", input),
            "/TargetGroups/0/TargetGroupArn",
        )
    }

    fn listener(&mut self, balancer: &str, port: i64, action: Value) -> String {
        let input = json!({"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": port, "DefaultActions": [action]});
        text(
            &self.call("CreateListener", input),
            "/Listeners/0/ListenerArn",
        )
    }

    /// A certificate, requested and proven in DNS.
    fn certificate(&mut self, names: &[&str]) -> String {
        self.certificate_in(REGION, names)
    }

    fn certificate_in(&mut self, region: &str, names: &[&str]) -> String {
        let route53 = |site: &mut Site, operation: &str, input: Value| {
            site.world
                .invoke(ACCOUNT, "us-east-1", ServiceId::Route53, operation, input)
                .unwrap()
        };
        let zones = route53(self, "ListHostedZones", json!({}));
        if zones["HostedZones"].as_array().unwrap().is_empty() {
            let zone = json!({"Name": "example.com", "CallerReference": "zone"});
            route53(self, "CreateHostedZone", zone);
        }
        let zones = route53(self, "ListHostedZones", json!({}));
        let zone = text(&zones, "/HostedZones/0/Id")
            .trim_start_matches("/hostedzone/")
            .to_owned();
        let mut input = json!({"DomainName": names[0], "ValidationMethod": "DNS"});
        if names.len() > 1 {
            input["SubjectAlternativeNames"] = json!(&names[1..]);
        }
        let made = self
            .world
            .invoke(ACCOUNT, region, ServiceId::Acm, "RequestCertificate", input)
            .unwrap();
        let arn = text(&made, "/CertificateArn");
        self.wait(MINUTE);
        let seen = json!({"CertificateArn": arn});
        let seen = self
            .world
            .invoke(ACCOUNT, region, ServiceId::Acm, "DescribeCertificate", seen)
            .unwrap();
        for option in seen["Certificate"]["DomainValidationOptions"]
            .as_array()
            .unwrap()
        {
            let record = &option["ResourceRecord"];
            let set = json!({"Name": record["Name"], "Type": "CNAME", "TTL": 60,
                "ResourceRecords": [{"Value": record["Value"]}]});
            let changes = json!({"HostedZoneId": zone,
                "ChangeBatch": {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": set}]}});
            route53(self, "ChangeResourceRecordSets", changes);
        }
        self.wait(30 * MINUTE);
        arn
    }

    fn get(
        &self,
        balancer: &str,
        port: u16,
        tls: Option<&str>,
        host: &str,
        path: &str,
    ) -> Answered {
        match serve(
            &self.world,
            balancer,
            port,
            tls,
            "203.0.113.9",
            &HttpRequest::get(host, path),
        ) {
            BalancerAnswer::Answer(answered) => answered,
            other => panic!("{other:?}"),
        }
    }

    fn health(&mut self, group: &str) -> Value {
        self.call("DescribeTargetHealth", json!({"TargetGroupArn": group}))["TargetHealthDescriptions"].clone()
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{pointer} in {value}"))
        .to_owned()
}

fn says(status: &str, body: &str) -> Value {
    json!({"Type": "fixed-response",
        "FixedResponseConfig": {"StatusCode": status, "ContentType": "text/plain", "MessageBody": body}})
}

fn forward(group: &str) -> Value {
    json!({"Type": "forward", "TargetGroupArn": group})
}

#[test]
fn a_balancer_is_provisioned_in_minutes_with_an_interface_in_every_subnet() {
    let mut site = Site::new();
    let input = site.wanted("redmine");
    let made = site.call("CreateLoadBalancer", input);
    let arn = text(&made, "/LoadBalancers/0/LoadBalancerArn");
    assert_eq!(text(&made, "/LoadBalancers/0/State/Code"), "provisioning");
    assert_eq!(
        text(&made, "/LoadBalancers/0/CanonicalHostedZoneId"),
        "Z1H1FL5HABSF5"
    );
    let dns = text(&made, "/LoadBalancers/0/DNSName");
    assert!(
        dns.starts_with("redmine-") && dns.ends_with(".us-west-2.elb.amazonaws.com"),
        "{dns}"
    );
    site.wait(5 * MINUTE);
    let seen = site.call("DescribeLoadBalancers", json!({"Names": ["redmine"]}));
    assert_eq!(text(&seen, "/LoadBalancers/0/State/Code"), "active");
    let filters = json!([{"Name": "requester-id", "Values": ["amazon-elb"]}]);
    let interfaces = site.ec2("DescribeNetworkInterfaces", json!({"Filters": filters}));
    assert_eq!(interfaces["NetworkInterfaces"].as_array().unwrap().len(), 2);
    assert!(
        interfaces
            .pointer("/NetworkInterfaces/0/Association/PublicIp")
            .is_some()
    );
    let shouted = balancer_by_dns(&site.world, &dns.to_uppercase());
    assert!(shouted.is_some(), "names have no case");
    let found = balancer_by_dns(&site.world, &format!("dualstack.{dns}."));
    assert_eq!(found, Some((ACCOUNT.into(), REGION.into(), arn)));
}

#[test]
fn a_network_balancer_has_its_own_name_and_zone_and_takes_one_subnet() {
    let mut site = Site::new();
    let input = json!({"Name": "edge", "Type": "network", "Subnets": [site.subnets[0]]});
    let made = site.call("CreateLoadBalancer", input);
    assert_eq!(
        text(&made, "/LoadBalancers/0/CanonicalHostedZoneId"),
        "Z18D5FSROUN65G"
    );
    assert!(text(&made, "/LoadBalancers/0/DNSName").ends_with(".elb.us-west-2.amazonaws.com"));
    assert!(made.pointer("/LoadBalancers/0/SecurityGroups").is_none());
    let arn = text(&made, "/LoadBalancers/0/LoadBalancerArn");
    let late = json!({"LoadBalancerArn": arn, "SecurityGroups": [site.group]});
    assert_eq!(
        site.code("SetSecurityGroups", late),
        "InvalidConfigurationRequest"
    );
}

#[test]
fn an_elastic_address_can_be_a_network_balancers() {
    let mut site = Site::new();
    let address = site.ec2("AllocateAddress", json!({}));
    let (allocation, ip) = (text(&address, "/AllocationId"), text(&address, "/PublicIp"));
    let mapping = json!([{"SubnetId": site.subnets[0], "AllocationId": allocation}]);
    let made = site.call(
        "CreateLoadBalancer",
        json!({"Name": "edge", "Type": "network", "SubnetMappings": mapping}),
    );
    assert_eq!(
        text(
            &made,
            "/LoadBalancers/0/AvailabilityZones/0/LoadBalancerAddresses/0/IpAddress"
        ),
        ip
    );
    let (_, _, held) = ec2::holder_of_public(&site.world, &ip).unwrap();
    assert_eq!(held.requester, "amazon-elb");
}

#[test]
fn an_application_balancer_needs_two_zones_a_gateway_and_valid_groups() {
    let mut site = Site::new();
    let one = json!({"Name": "x", "Subnets": [site.subnets[0]]});
    assert_eq!(site.code("CreateLoadBalancer", one), "ValidationError");
    let twin = site.subnet("10.0.9.0/24", "a");
    let same_zone = json!({"Name": "x", "Subnets": [site.subnets[0], twin]});
    assert_eq!(
        site.code("CreateLoadBalancer", same_zone),
        "InvalidConfigurationRequest"
    );
    let missing = json!({"Name": "x", "Subnets": [site.subnets[0], "subnet-0123456789abcdef0"]});
    assert_eq!(site.code("CreateLoadBalancer", missing), "SubnetNotFound");
    let mut odd_group = site.wanted("x");
    odd_group["SecurityGroups"] = json!(["sg-0123456789abcdef0"]);
    assert_eq!(
        site.code("CreateLoadBalancer", odd_group),
        "InvalidSecurityGroup"
    );
    let bad_name = site.wanted("internal-x");
    assert_eq!(site.code("CreateLoadBalancer", bad_name), "ValidationError");
    let long = site.wanted(&"x".repeat(33));
    assert_eq!(site.code("CreateLoadBalancer", long), "ValidationError");
    let vpc = text(
        &site.ec2("CreateVpc", json!({"CidrBlock": "10.1.0.0/16"})),
        "/Vpc/VpcId",
    );
    let mut subnets = vec![];
    for (n, zone) in ["a", "b"].iter().enumerate() {
        let input = json!({"VpcId": vpc, "CidrBlock": format!("10.1.{n}.0/24"), "AvailabilityZone": format!("{REGION}{zone}")});
        subnets.push(text(&site.ec2("CreateSubnet", input), "/Subnet/SubnetId"));
    }
    let dark = json!({"Name": "x", "Subnets": subnets});
    assert_eq!(site.code("CreateLoadBalancer", dark), "InvalidSubnet");
    let internal = json!({"Name": "x", "Subnets": subnets, "Scheme": "internal"});
    let made = site.call("CreateLoadBalancer", internal);
    assert!(text(&made, "/LoadBalancers/0/DNSName").starts_with("internal-x-"));
}

#[test]
fn the_same_balancer_is_made_once_and_another_of_its_name_is_refused() {
    let mut site = Site::new();
    let input = site.wanted("redmine");
    let made = site.call("CreateLoadBalancer", input.clone());
    assert_eq!(site.call("CreateLoadBalancer", input), made);
    let mut other = site.wanted("redmine");
    other["Scheme"] = "internal".into();
    assert_eq!(
        site.code("CreateLoadBalancer", other),
        "DuplicateLoadBalancerName"
    );
    assert_eq!(
        site.call("DescribeLoadBalancers", json!({}))["LoadBalancers"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn deletion_protection_holds_and_a_deleted_balancers_interfaces_linger() {
    let mut site = Site::new();
    let arn = site.balancer("redmine");
    let protect = |on: &str| json!({"LoadBalancerArn": arn, "Attributes": [{"Key": "deletion_protection.enabled", "Value": on}]});
    site.call("ModifyLoadBalancerAttributes", protect("true"));
    let delete = json!({"LoadBalancerArn": arn});
    assert_eq!(
        site.code("DeleteLoadBalancer", delete.clone()),
        "OperationNotPermitted"
    );
    site.call("ModifyLoadBalancerAttributes", protect("false"));
    site.call("DeleteLoadBalancer", delete.clone());
    site.call("DeleteLoadBalancer", delete);
    assert_eq!(
        site.code("DescribeLoadBalancers", json!({"Names": ["redmine"]})),
        "LoadBalancerNotFound"
    );
    let mut refused = |operation: &str, input: Value| {
        site.world
            .invoke(ACCOUNT, REGION, ServiceId::Ec2, operation, input)
            .unwrap_err()
            .code
    };
    let (subnet, group) = (site.subnets[0].clone(), site.group.clone());
    assert_eq!(
        refused("DeleteSubnet", json!({"SubnetId": subnet})),
        "DependencyViolation"
    );
    assert_eq!(
        refused("DeleteSecurityGroup", json!({"GroupId": group})),
        "DependencyViolation"
    );
    site.wait(11 * MINUTE);
    site.ec2("DeleteSecurityGroup", json!({"GroupId": group}));
    site.ec2("DeleteSubnet", json!({"SubnetId": subnet}));
}

#[test]
fn attributes_have_awss_defaults_and_bounds() {
    let mut site = Site::new();
    let arn = site.balancer("redmine");
    let seen = site.call(
        "DescribeLoadBalancerAttributes",
        json!({"LoadBalancerArn": arn}),
    );
    let value = |seen: &Value, key: &str| {
        let all = seen["Attributes"].as_array().unwrap();
        all.iter()
            .find(|a| a["Key"] == key)
            .map(|a| text(a, "/Value"))
            .unwrap()
    };
    assert_eq!(value(&seen, "client_keep_alive.seconds"), "3600");
    assert_eq!(value(&seen, "idle_timeout.timeout_seconds"), "60");
    let set = |key: &str, to: &str| json!({"LoadBalancerArn": arn, "Attributes": [{"Key": key, "Value": to}]});
    assert_eq!(
        site.code("ModifyLoadBalancerAttributes", set("nonsense", "1")),
        "ValidationError"
    );
    assert_eq!(
        site.code(
            "ModifyLoadBalancerAttributes",
            set("client_keep_alive.seconds", "10")
        ),
        "InvalidConfigurationRequest"
    );
    site.call(
        "ModifyLoadBalancerAttributes",
        set("client_keep_alive.seconds", "180"),
    );
    let group = site.target_group("web", json!({}));
    let seen = site.call(
        "DescribeTargetGroupAttributes",
        json!({"TargetGroupArn": group}),
    );
    assert_eq!(value(&seen, "deregistration_delay.timeout_seconds"), "300");
    let set = json!({"TargetGroupArn": group, "Attributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}]});
    assert_eq!(
        value(
            &site.call("ModifyTargetGroupAttributes", set),
            "deregistration_delay.timeout_seconds"
        ),
        "5"
    );
}

#[test]
fn a_target_group_has_awss_health_check_unless_told_otherwise() {
    let mut site = Site::new();
    let arn = site.target_group("web", json!({}));
    let seen = site.call("DescribeTargetGroups", json!({"TargetGroupArns": [arn]}));
    let group = &seen["TargetGroups"][0];
    for (name, expected) in [
        ("HealthCheckIntervalSeconds", json!(30)),
        ("HealthCheckTimeoutSeconds", json!(5)),
        ("HealthyThresholdCount", json!(5)),
        ("UnhealthyThresholdCount", json!(2)),
        ("HealthCheckPath", json!("/")),
        ("HealthCheckPort", json!("traffic-port")),
        ("Matcher", json!({"HttpCode": "200"})),
        ("LoadBalancerArns", json!([])),
    ] {
        assert_eq!(group[name], expected, "{name}");
    }
    let again = site.target_group("web", json!({}));
    assert_eq!(again, arn);
    let mut other = json!({"Name": "web", "Protocol": "HTTP", "Port": 81, "VpcId": site.vpc, "TargetType": "ip"});
    assert_eq!(
        site.code("CreateTargetGroup", other.clone()),
        "DuplicateTargetGroupName"
    );
    other["Name"] = "x".repeat(33).into();
    assert_eq!(
        site.code("CreateTargetGroup", other.clone()),
        "ValidationError"
    );
    other["Name"] = "other".into();
    for (member, bad) in [
        ("HealthCheckPath", json!("health")),
        ("HealthCheckPort", json!("none")),
        ("Matcher", json!({"HttpCode": "600"})),
        ("Matcher", json!({"HttpCode": "399-200"})),
        ("VpcId", json!("vpc-0123456789abcdef0")),
    ] {
        let mut input = other.clone();
        input[member] = bad;
        assert_eq!(
            site.code("CreateTargetGroup", input),
            "ValidationError",
            "{member}"
        );
    }
    let mut slow = other.clone();
    slow["HealthCheckIntervalSeconds"] = 5.into();
    assert_eq!(
        site.code("CreateTargetGroup", slow),
        "ValidationError",
        "time-out not below the interval"
    );
    let tuned = json!({"TargetGroupArn": arn, "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2,
        "HealthyThresholdCount": 2, "Matcher": {"HttpCode": "200-399"}});
    let seen = site.call("ModifyTargetGroup", tuned);
    assert_eq!(text(&seen, "/TargetGroups/0/Matcher/HttpCode"), "200-399");
}

#[test]
fn a_target_group_in_use_stays_and_serves_one_balancer() {
    let mut site = Site::new();
    let (one, two) = (site.balancer("one"), site.balancer("two"));
    let group = site.target_group("web", json!({}));
    let listener = site.listener(&one, 80, forward(&group));
    assert!(super::is_in_use(&site.world, &group));
    assert_eq!(
        site.code("DeleteTargetGroup", json!({"TargetGroupArn": group})),
        "ResourceInUse"
    );
    let elsewhere = json!({"LoadBalancerArn": two, "Protocol": "HTTP", "Port": 80, "DefaultActions": [forward(&group)]});
    assert_eq!(
        site.code("CreateListener", elsewhere),
        "TargetGroupAssociationLimit"
    );
    let seen = site.call("DescribeTargetGroups", json!({"LoadBalancerArn": one}));
    assert_eq!(text(&seen, "/TargetGroups/0/LoadBalancerArns/0"), one);
    site.call("DeleteListener", json!({"ListenerArn": listener}));
    site.call("DeleteTargetGroup", json!({"TargetGroupArn": group}));
    site.call("DeleteTargetGroup", json!({"TargetGroupArn": group}));
}

#[test]
fn a_listener_is_one_per_port_and_speaks_what_its_balancer_speaks() {
    let mut site = Site::new();
    let arn = site.balancer("redmine");
    let listener = site.listener(&arn, 80, says("503", "moving"));
    let create = |protocol: &str, port: i64, action: Value| json!({"LoadBalancerArn": arn, "Protocol": protocol, "Port": port, "DefaultActions": [action]});
    assert_eq!(
        site.code("CreateListener", create("HTTP", 80, says("200", ""))),
        "DuplicateListener"
    );
    assert_eq!(
        site.code("CreateListener", create("TCP", 81, says("200", ""))),
        "ValidationError"
    );
    assert_eq!(
        site.code("CreateListener", create("HTTP", 81, says("302", ""))),
        "ValidationError"
    );
    let nowhere =
        "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/none/0123456789abcdef";
    assert_eq!(
        site.code("CreateListener", create("HTTP", 81, forward(nowhere))),
        "TargetGroupNotFound"
    );
    let tcp = site.target_group("tcp", json!({"Protocol": "TCP"}));
    assert_eq!(
        site.code("CreateListener", create("HTTP", 81, forward(&tcp))),
        "IncompatibleProtocols"
    );
    let two = json!({"LoadBalancerArn": arn, "Protocol": "HTTP", "Port": 81, "DefaultActions": [says("200", ""), says("503", "")]});
    assert_eq!(
        site.code("CreateListener", two),
        "InvalidLoadBalancerAction"
    );
    let looping = json!({"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}});
    assert_eq!(
        site.code("CreateListener", create("HTTP", 81, looping)),
        "InvalidLoadBalancerAction"
    );
    site.call(
        "ModifyListener",
        json!({"ListenerArn": listener, "Port": 8080}),
    );
    let seen = site.call("DescribeListeners", json!({"LoadBalancerArn": arn}));
    assert_eq!(seen["Listeners"][0]["Port"], json!(8080));
    assert_eq!(site.code("DescribeListeners", json!({})), "ValidationError");
    let gone = format!("{listener}0");
    assert_eq!(
        site.code("DescribeListeners", json!({"ListenerArns": [gone]})),
        "ListenerNotFound"
    );
}

#[test]
fn an_https_listener_needs_a_certificate_issued_in_its_own_region() {
    let mut site = Site::new();
    let arn = site.balancer("redmine");
    let create = |certificate: &str| {
        json!({"LoadBalancerArn": arn, "Protocol": "HTTPS", "Port": 443, "DefaultActions": [says("200", "hello")],
            "Certificates": [{"CertificateArn": certificate}]})
    };
    let bare = json!({"LoadBalancerArn": arn, "Protocol": "HTTPS", "Port": 443, "DefaultActions": [says("200", "")]});
    assert_eq!(site.code("CreateListener", bare), "ValidationError");
    let nothing =
        "arn:aws:acm:us-west-2:111122223333:certificate/00000000-0000-4000-8000-000000000000";
    assert_eq!(
        site.code("CreateListener", create(nothing)),
        "CertificateNotFound"
    );
    let abroad = site.certificate_in("eu-west-1", &["redmine.example.com"]);
    assert_eq!(
        site.code("CreateListener", create(&abroad)),
        "CertificateNotFound"
    );
    let pending = json!({"DomainName": "other.example.org", "ValidationMethod": "DNS"});
    let pending = site
        .world
        .invoke(
            ACCOUNT,
            REGION,
            ServiceId::Acm,
            "RequestCertificate",
            pending,
        )
        .unwrap();
    assert_eq!(
        site.code("CreateListener", create(&text(&pending, "/CertificateArn"))),
        "UnsupportedCertificate"
    );
    let issued = site.certificate(&["redmine.example.com"]);
    let mut odd_policy = create(&issued);
    odd_policy["SslPolicy"] = "ELBSecurityPolicy-None".into();
    assert_eq!(site.code("CreateListener", odd_policy), "SSLPolicyNotFound");
    let made = site.call("CreateListener", create(&issued));
    assert_eq!(
        text(&made, "/Listeners/0/SslPolicy"),
        "ELBSecurityPolicy-2016-08"
    );
    assert_eq!(super::certificate_users(&site.world, &issued), [arn]);
}

#[test]
fn the_certificate_is_chosen_by_the_name_asked_for() {
    let mut site = Site::new();
    let arn = site.balancer("redmine");
    let default = site.certificate(&["redmine.example.com"]);
    let wildcard = site.certificate(&["*.example.com"]);
    let made = site.call(
        "CreateListener",
        json!({"LoadBalancerArn": arn, "Protocol": "HTTPS", "Port": 443, "DefaultActions": [says("200", "hello")],
            "Certificates": [{"CertificateArn": default}]}),
    );
    let listener = text(&made, "/Listeners/0/ListenerArn");
    let more = json!({"ListenerArn": listener, "Certificates": [{"CertificateArn": wildcard}]});
    site.call("AddListenerCertificates", more.clone());
    let presented = |site: &Site, name: &str| {
        site.get(&arn, 443, Some(name), name, "/")
            .certificate
            .unwrap()
    };
    assert_eq!(presented(&site, "redmine.example.com"), default);
    assert_eq!(presented(&site, "wiki.example.com"), wildcard);
    assert_eq!(
        presented(&site, "elsewhere.org"),
        default,
        "the client will not like it"
    );
    let seen = site.call(
        "DescribeListenerCertificates",
        json!({"ListenerArn": listener}),
    );
    assert_eq!(seen["Certificates"].as_array().unwrap().len(), 2);
    let keep = json!({"ListenerArn": listener, "Certificates": [{"CertificateArn": default}]});
    assert_eq!(
        site.code("RemoveListenerCertificates", keep),
        "OperationNotPermitted"
    );
    site.call("RemoveListenerCertificates", more);
    assert_eq!(presented(&site, "wiki.example.com"), default);
    // Plain HTTP to the TLS port, and TLS to nobody.
    assert_eq!(
        site.get(&arn, 443, None, "redmine.example.com", "/").status,
        400
    );
    let refused = serve(
        &site.world,
        &arn,
        444,
        None,
        "203.0.113.9",
        &HttpRequest::get("x", "/"),
    );
    assert_eq!(refused, BalancerAnswer::Refused);
}

#[test]
fn a_redirect_keeps_host_path_and_query() {
    let mut site = Site::new();
    let arn = site.balancer("redmine");
    let https = json!({"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}});
    site.listener(&arn, 80, https);
    let answer = site.get(&arn, 80, None, "redmine.example.com", "/projects?page=2");
    assert_eq!(answer.status, 301);
    let location = answer
        .headers
        .iter()
        .find(|(name, _)| name == "location")
        .unwrap();
    assert_eq!(
        location.1,
        "https://redmine.example.com:443/projects?page=2"
    );
}

#[test]
fn the_first_rule_that_holds_decides() {
    let mut site = Site::new();
    let arn = site.balancer("redmine");
    let listener = site.listener(&arn, 80, says("404", "default"));
    let create = |priority: i64, conditions: Value, body: &str| json!({"ListenerArn": listener, "Priority": priority, "Conditions": conditions, "Actions": [says("200", body)]});
    let path = |pattern: &str| json!([{"Field": "path-pattern", "Values": [pattern]}]);
    let host = json!([{"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}},
        {"Field": "path-pattern", "Values": ["/api/*"]}]);
    let api = site.call("CreateRule", create(10, host, "api"));
    let image = site.call("CreateRule", create(20, path("*.png"), "image"));
    assert_eq!(
        site.code("CreateRule", create(20, path("/x"), "x")),
        "PriorityInUse"
    );
    assert_eq!(
        site.code("CreateRule", create(0, path("/x"), "x")),
        "ValidationError"
    );
    let odd = json!([{"Field": "weather", "Values": ["fine"]}]);
    assert_eq!(
        site.code("CreateRule", create(30, odd, "x")),
        "ValidationError"
    );
    let body = |site: &Site, host: &str, path: &str| site.get(&arn, 80, None, host, path).body;
    assert_eq!(body(&site, "redmine.example.com", "/api/x.png"), "api");
    assert_eq!(body(&site, "elsewhere.org", "/api/x.png"), "image");
    assert_eq!(body(&site, "elsewhere.org", "/"), "default");
    // They exchange their places in one call.
    let (api, image) = (
        text(&api, "/Rules/0/RuleArn"),
        text(&image, "/Rules/0/RuleArn"),
    );
    site.call(
        "SetRulePriorities",
        json!({"RulePriorities": [{"RuleArn": api, "Priority": 20}, {"RuleArn": image, "Priority": 10}]}),
    );
    assert_eq!(body(&site, "redmine.example.com", "/api/x.png"), "image");
    let seen = site.call("DescribeRules", json!({"ListenerArn": listener}));
    let order: Vec<&str> = seen["Rules"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|r| r["Priority"].as_str())
        .collect();
    assert_eq!(order, ["10", "20", "default"]);
    let default = text(&seen, "/Rules/2/RuleArn");
    assert_eq!(
        site.code("DeleteRule", json!({"RuleArn": default})),
        "OperationNotPermitted"
    );
    site.call("DeleteRule", json!({"RuleArn": image}));
    assert_eq!(
        site.code("DeleteRule", json!({"RuleArn": image})),
        "RuleNotFound"
    );
}

#[test]
fn rules_look_at_method_header_query_and_source() {
    let mut site = Site::new();
    let arn = site.balancer("redmine");
    let listener = site.listener(&arn, 80, says("404", "default"));
    for (priority, condition, body) in [
        (
            1,
            json!({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["POST"]}}),
            "post",
        ),
        (
            2,
            json!({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Probe", "Values": ["yes*"]}}),
            "probe",
        ),
        (
            3,
            json!({"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2"}]}}),
            "query",
        ),
        (
            4,
            json!({"Field": "source-ip", "SourceIpConfig": {"Values": ["198.51.100.0/24"]}}),
            "source",
        ),
    ] {
        let input = json!({"ListenerArn": listener, "Priority": priority, "Conditions": [condition], "Actions": [says("200", body)]});
        site.call("CreateRule", input);
    }
    let send = |source: &str, request: HttpRequest| match serve(
        &site.world,
        &arn,
        80,
        None,
        source,
        &request,
    ) {
        BalancerAnswer::Answer(answered) => answered.body,
        other => panic!("{other:?}"),
    };
    let plain = HttpRequest::get("x", "/");
    assert_eq!(send("203.0.113.9", plain.clone()), "default");
    assert_eq!(
        send(
            "203.0.113.9",
            HttpRequest {
                method: "POST".into(),
                ..plain.clone()
            }
        ),
        "post"
    );
    let headers = vec![("x-probe".to_owned(), "YES please".to_owned())];
    assert_eq!(
        send(
            "203.0.113.9",
            HttpRequest {
                headers,
                ..plain.clone()
            }
        ),
        "probe"
    );
    assert_eq!(
        send("203.0.113.9", HttpRequest::get("x", "/a?u=1&v=2")),
        "query"
    );
    assert_eq!(send("198.51.100.7", plain), "source");
}

#[test]
fn targets_are_private_addresses_and_unused_without_a_listener() {
    let mut site = Site::new();
    let group = site.target_group("web", json!({}));
    let input = |id: &str| json!({"TargetGroupArn": group, "Targets": [{"Id": id}]});
    assert_eq!(
        site.code("RegisterTargets", input("8.8.8.8")),
        "ValidationError"
    );
    assert_eq!(
        site.code("RegisterTargets", input("192.168.1.1")),
        "ValidationError"
    );
    assert_eq!(
        site.code("RegisterTargets", input("i-0123456789abcdef0")),
        "ValidationError"
    );
    let instances = site.target_group("vms", json!({"TargetType": "instance"}));
    let vm = json!({"TargetGroupArn": instances, "Targets": [{"Id": "i-0123456789abcdef0"}]});
    assert_eq!(site.code("RegisterTargets", vm), "InvalidTarget");
    site.call("RegisterTargets", input("10.0.0.50"));
    let seen = site.health(&group);
    assert_eq!(text(&seen, "/0/TargetHealth/State"), "unused");
    assert_eq!(text(&seen, "/0/TargetHealth/Reason"), "Target.NotInUse");
    assert_eq!(seen[0]["Target"]["Port"], json!(80));
    let stranger = json!({"TargetGroupArn": group, "Targets": [{"Id": "10.0.0.51"}]});
    let seen = site.call("DescribeTargetHealth", stranger);
    assert_eq!(
        text(&seen, "/TargetHealthDescriptions/0/TargetHealth/Reason"),
        "Target.NotRegistered"
    );
    site.call("DeregisterTargets", input("10.0.0.50"));
    assert_eq!(site.health(&group), json!([]), "nothing to drain");
}

#[test]
fn a_target_that_does_not_answer_is_initial_and_then_unhealthy_and_all_unhealthy_fail_open() {
    let mut site = Site::new();
    let balancer = site.balancer("redmine");
    let group = site.target_group("web", json!({"HealthCheckIntervalSeconds": 10}));
    site.listener(&balancer, 80, forward(&group));
    assert_eq!(
        site.get(&balancer, 80, None, "x", "/").status,
        503,
        "nobody is registered"
    );
    // Somebody is at the address, lets the balancer in, and nothing listens.
    let rule = json!([{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    let front = site.group.clone();
    site.ec2(
        "AuthorizeSecurityGroupIngress",
        json!({"GroupId": front, "IpPermissions": rule}),
    );
    let subnet = site.subnets[0].clone();
    let made = ec2::attach_interface(
        &mut site.world,
        ACCOUNT,
        REGION,
        &subnet,
        std::slice::from_ref(&front),
        "task",
        "ecs",
        false,
    )
    .unwrap();
    register(
        &mut site.world,
        ACCOUNT,
        REGION,
        &group,
        &made.private_address,
        80,
    )
    .unwrap();
    let seen = site.health(&group);
    assert_eq!(
        text(&seen, "/0/TargetHealth/Reason"),
        "Elb.RegistrationInProgress"
    );
    site.wait(11 * SECOND);
    assert_eq!(
        text(&site.health(&group), "/0/TargetHealth/Reason"),
        "Elb.InitialHealthChecking"
    );
    assert_eq!(
        site.get(&balancer, 80, None, "x", "/").status,
        503,
        "not yet judged"
    );
    site.wait(10 * SECOND);
    let seen = site.health(&group);
    assert_eq!(text(&seen, "/0/TargetHealth/State"), "unhealthy");
    assert_eq!(
        text(&seen, "/0/TargetHealth/Reason"),
        "Target.FailedHealthChecks"
    );
    assert_eq!(
        site.get(&balancer, 80, None, "x", "/").status,
        502,
        "it fails open, to a closed port"
    );
    assert!(!super::is_healthy(&site.world, &balancer));
    // Without a way in, the check times out.
    site.ec2(
        "RevokeSecurityGroupIngress",
        json!({"GroupId": front, "IpPermissions": rule}),
    );
    site.wait(10 * SECOND);
    assert_eq!(
        text(&site.health(&group), "/0/TargetHealth/Reason"),
        "Target.Timeout"
    );
    assert_eq!(site.get(&balancer, 80, None, "x", "/").status, 504);
}

#[test]
fn a_target_taken_out_drains_and_may_come_back() {
    let mut site = Site::new();
    let balancer = site.balancer("redmine");
    let group = site.target_group("web", json!({}));
    site.listener(&balancer, 80, forward(&group));
    register(&mut site.world, ACCOUNT, REGION, &group, "10.0.0.50", 80).unwrap();
    site.wait(MINUTE);
    deregister(&mut site.world, ACCOUNT, REGION, &group, "10.0.0.50", 80);
    let state = |site: &Site| {
        target_health(&site.world, ACCOUNT, REGION, &group, "10.0.0.50", 80).map(|h| h.state)
    };
    assert_eq!(state(&site), Some("draining"));
    site.wait(299 * SECOND);
    assert_eq!(state(&site), Some("draining"));
    site.wait(2 * SECOND);
    assert_eq!(state(&site), None);
    register(&mut site.world, ACCOUNT, REGION, &group, "10.0.0.50", 80).unwrap();
    deregister(&mut site.world, ACCOUNT, REGION, &group, "10.0.0.50", 80);
    register(&mut site.world, ACCOUNT, REGION, &group, "10.0.0.50", 80).unwrap();
    site.wait(10 * MINUTE);
    assert_eq!(
        state(&site),
        Some("unhealthy"),
        "the old drain does not take the new registration"
    );
}

#[test]
fn health_needs_its_thresholds_each_way() {
    let check = HealthCheck {
        protocol: "HTTP".into(),
        port: "traffic-port".into(),
        path: Some("/".into()),
        interval: 30,
        timeout: 5,
        healthy_threshold: 5,
        unhealthy_threshold: 2,
        matcher: Some("200".into()),
    };
    let mut target = Target {
        id: "10.0.0.5".into(),
        port: 80,
        zone: None,
        state: "initial",
        reason: None,
        description: None,
        passes: 0,
        failures: 0,
        registered: 0,
        series: 0,
    };
    let failure = || Some(("Target.Timeout", "Request timed out".to_owned()));
    for n in 1..=5 {
        target = judge(&check, &target, None);
        assert_eq!(
            target.state,
            if n < 5 { "initial" } else { "healthy" },
            "{n}"
        );
    }
    target = judge(&check, &target, failure());
    assert_eq!(target.state, "healthy", "one failure is none");
    target = judge(&check, &target, None);
    target = judge(&check, &target, failure());
    target = judge(&check, &target, failure());
    assert_eq!(
        (target.state, target.reason),
        ("unhealthy", Some("Target.Timeout"))
    );
    target = judge(&check, &target, None);
    assert_eq!(target.state, "unhealthy");
    for _ in 0..4 {
        target = judge(&check, &target, None);
    }
    assert_eq!(target.state, "healthy");
    let steady = judge(&check, &target, None);
    assert_eq!(steady, target, "a steady target is not rewritten");
}

#[test]
fn matchers_are_codes_lists_and_ranges() {
    for (matcher, code, expected) in [
        ("200", 200, true),
        ("200", 302, false),
        ("200-399", 302, true),
        ("200,302", 302, true),
        ("200,301-303", 302, true),
        ("200-299", 404, false),
    ] {
        assert_eq!(code_matches(matcher, code), expected, "{matcher} {code}");
    }
}

#[test]
fn tags_follow_every_kind() {
    let mut site = Site::new();
    let balancer = site.balancer("redmine");
    let group = site.target_group(
        "web",
        json!({"Tags": [{"Key": "stack", "Value": "redmine"}]}),
    );
    let listener = site.listener(&balancer, 80, says("200", ""));
    site.call("AddTags", json!({"ResourceArns": [balancer, listener], "Tags": [{"Key": "stack", "Value": "redmine"}]}));
    let seen = site.call(
        "DescribeTags",
        json!({"ResourceArns": [balancer, group, listener]}),
    );
    for n in 0..3 {
        assert_eq!(
            text(&seen, &format!("/TagDescriptions/{n}/Tags/0/Value")),
            "redmine"
        );
    }
    assert_eq!(super::tagged(&site.world, ACCOUNT, REGION).len(), 3);
    site.call(
        "RemoveTags",
        json!({"ResourceArns": [balancer], "TagKeys": ["stack"]}),
    );
    assert_eq!(super::tagged(&site.world, ACCOUNT, REGION).len(), 2);
    let twice = json!({"ResourceArns": [balancer], "Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]});
    assert_eq!(site.code("AddTags", twice), "DuplicateTagKeys");
    let gone = format!("{group}0");
    assert_eq!(
        site.code("DescribeTags", json!({"ResourceArns": [gone]})),
        "TargetGroupNotFound"
    );
}

#[test]
fn a_balancer_moves_to_other_subnets_and_groups() {
    let mut site = Site::new();
    let arn = site.balancer("redmine");
    let third = site.subnet("10.0.3.0/24", "c");
    let first = site.subnets[0].clone();
    site.call(
        "SetSubnets",
        json!({"LoadBalancerArn": arn, "Subnets": [first, third]}),
    );
    let input = json!({"VpcId": site.vpc, "GroupName": "fence", "Description": "fence"});
    let fence = text(&site.ec2("CreateSecurityGroup", input), "/GroupId");
    site.call(
        "SetSecurityGroups",
        json!({"LoadBalancerArn": arn, "SecurityGroups": [fence]}),
    );
    let filters = json!([{"Name": "group-id", "Values": [fence]}]);
    let interfaces = site.ec2("DescribeNetworkInterfaces", json!({"Filters": filters}));
    assert_eq!(interfaces["NetworkInterfaces"].as_array().unwrap().len(), 2);
    site.wait(11 * MINUTE);
    let second = site.subnets[1].clone();
    site.ec2("DeleteSubnet", json!({"SubnetId": second}));
}

#[test]
fn limits_and_policies_are_told() {
    let mut site = Site::new();
    let limits = site.call("DescribeAccountLimits", json!({}));
    let rules = limits["Limits"]
        .as_array()
        .unwrap()
        .iter()
        .find(|l| l["Name"] == "rules-per-application-load-balancer");
    assert_eq!(rules.unwrap()["Max"], json!("100"));
    let policies = site.call(
        "DescribeSSLPolicies",
        json!({"Names": ["ELBSecurityPolicy-TLS13-1-2-2021-06"]}),
    );
    assert_eq!(
        policies["SslPolicies"][0]["SslProtocols"],
        json!(["TLSv1.2", "TLSv1.3"])
    );
}

#[test]
fn a_name_made_while_route_53_cannot_be_changed_is_published_when_it_can() {
    let mut site = Site::new();
    // The first of an account needs a role that only IAM can make.
    site.balancer("first");
    let dark =
        r#"{"id": "dark", "region": "us-east-1", "fault": {"blackout": {"plane": "control"}}}"#;
    let rule = crate::faults::Rule::from_json(dark).unwrap();
    site.world.faults.add(rule);
    let arn = site.balancer("redmine");
    assert_eq!(super::balancer(&site.world, &arn).unwrap().state, "active");
    assert!(super::answering_nodes(&site.world, &arn).is_empty());
    site.world.faults.clear();
    site.wait(MINUTE);
    assert_eq!(super::answering_nodes(&site.world, &arn).len(), 2);
}

#[test]
fn a_dark_region_answers_nobody_and_learns_nothing() {
    let mut site = Site::new();
    let arn = site.balancer("redmine");
    site.listener(&arn, 80, says("200", "hello"));
    assert_eq!(site.get(&arn, 80, None, "x", "/").status, 200);
    let dark = r#"{"id": "dark", "region": "us-west-2", "fault": {"blackout": {"plane": "data"}}}"#;
    let rule = crate::faults::Rule::from_json(dark).unwrap();
    site.world.faults.add(rule);
    let answer = serve(
        &site.world,
        &arn,
        80,
        None,
        "203.0.113.9",
        &HttpRequest::get("x", "/"),
    );
    assert!(
        matches!(answer, BalancerAnswer::TimedOut { .. }),
        "{answer:?}"
    );
    let node = super::balancer(&site.world, &arn).unwrap().nodes[0].clone();
    let from = crate::plane::From::Internet {
        ip: "203.0.113.9".into(),
    };
    let to = crate::plane::To::Address(node.public_address.unwrap());
    let blocked = crate::plane::reach(&site.world, &from, &to, 80);
    assert_eq!(
        blocked,
        Err(crate::plane::Blocked::RegionDark(REGION.into()))
    );
    assert!(!super::is_healthy(&site.world, &arn));
}
