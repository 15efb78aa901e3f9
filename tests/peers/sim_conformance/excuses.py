"""Operations that no check sees succeed, or sees refused, each with the reason. Lines may go, none may come."""


def every(service, reason, names):
    return {(service, name): reason for name in names.split()}


# The facts are there, the behaviour is not: they answer 501 and name themselves.
NOT_SIMULATED = {
    **every(
        "application-autoscaling", "predictive scaling",
        "GetPredictiveScalingForecast",
    ),
    **every(
        "cloudwatch", "composite alarms",
        "DescribeAlarmContributors PutCompositeAlarm",
    ),
    **every(
        "ec2", "instances, egress-only and transit gateways, prefix lists of one's own, IPv6 blocks, permissions of interfaces",
        "AssignPrivateIpAddresses AssociateSubnetCidrBlock AttachNetworkInterface CreateDefaultSubnet "
        "CreateEgressOnlyInternetGateway CreateKeyPair CreateManagedPrefixList CreateNetworkInterfacePermission "
        "DeleteEgressOnlyInternetGateway DeleteKeyPair DeleteManagedPrefixList DeleteNetworkInterfacePermission "
        "DescribeAddressesAttribute DescribeEgressOnlyInternetGateways DescribeImages DescribeInstanceStatus "
        "DescribeInstanceTypeOfferings DescribeInstanceTypes DescribeKeyPairs DescribeLaunchTemplates "
        "DescribeNetworkInterfacePermissions DescribeStaleSecurityGroups DescribeTransitGateways DescribeVolumes "
        "DescribeVpnGateways DetachNetworkInterface DisassociateSubnetCidrBlock GetSecurityGroupsForVpc ModifyManagedPrefixList "
        "ResetNetworkInterfaceAttribute UnassignPrivateIpAddresses",
    ),
    **every(
        "ecr", "storage classes",
        "UpdateImageStorageClass",
    ),
    **every(
        "ecs", "container instances and capacity providers of one's own, protection of tasks",
        "ContinueServiceDeployment CreateCapacityProvider DeleteAttributes DeleteCapacityProvider DeregisterContainerInstance "
        "DescribeContainerInstances ExecuteCommand GetTaskProtection ListAttributes ListServicesByNamespace PutAttributes "
        "RegisterContainerInstance StartTask UpdateCapacityProvider UpdateContainerAgent UpdateContainerInstancesState "
        "UpdateTaskProtection",
    ),
    **every(
        "elbv2", "capacity reservations, IP pools, shared trust stores",
        "DescribeCapacityReservation GetResourcePolicy ModifyCapacityReservation ModifyIpPools",
    ),
    **every(
        "iam", "identity providers, server certificates, access reports",
        "AddClientIDToOpenIDConnectProvider CreateOpenIDConnectProvider DeleteOpenIDConnectProvider DeleteServerCertificate "
        "GenerateServiceLastAccessedDetails GetOpenIDConnectProvider GetServerCertificate GetServiceLastAccessedDetails "
        "GetServiceLastAccessedDetailsWithEntities ListOpenIDConnectProviderTags ListPoliciesGrantingServiceAccess "
        "ListServerCertificateTags RemoveClientIDFromOpenIDConnectProvider TagOpenIDConnectProvider TagServerCertificate "
        "UntagOpenIDConnectProvider UntagServerCertificate UpdateGroup UpdateOpenIDConnectProviderThumbprint "
        "UpdateServerCertificate UploadServerCertificate",
    ),
    **every(
        "kms", "key pairs and imported key material",
        "DeleteImportedKeyMaterial GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext GetKeyLastUsage GetParametersForImport "
        "GetPublicKey ImportKeyMaterial Sign Verify",
    ),
    **every(
        "logs", "queries over logs",
        "GetQueryResults StartQuery StopQuery",
    ),
    **every(
        "rds", "global clusters, endpoints of one's own, backtracking, exports, event subscriptions, roles of databases",
        "AddRoleToDBCluster AddRoleToDBInstance AddSourceIdentifierToSubscription ApplyPendingMaintenanceAction "
        "BacktrackDBCluster CancelExportTask CopyOptionGroup CreateDBClusterEndpoint CreateEventSubscription CreateGlobalCluster "
        "DeleteDBClusterAutomatedBackup DeleteDBClusterEndpoint DeleteEventSubscription DeleteGlobalCluster "
        "DescribeDBClusterAutomatedBackups DescribeDBClusterBacktracks DescribeExportTasks DownloadDBLogFilePortion "
        "FailoverGlobalCluster ModifyCertificates ModifyCurrentDBClusterCapacity ModifyDBClusterEndpoint ModifyEventSubscription "
        "ModifyGlobalCluster RebootDBCluster RemoveFromGlobalCluster RemoveRoleFromDBCluster RemoveRoleFromDBInstance "
        "RemoveSourceIdentifierFromSubscription StartExportTask SwitchoverGlobalCluster SwitchoverReadReplica",
    ),
    **every(
        "route53", "geolocation routing",
        "GetGeoLocation ListGeoLocations",
    ),
    **every(
        "ssm", "service settings",
        "GetServiceSetting ResetServiceSetting UpdateServiceSetting",
    ),
    **every(
        "sts", "other ways to a session than a role's and a user's",
        "AssumeRoleWithSAML AssumeRoleWithWebIdentity AssumeRoot DecodeAuthorizationMessage GetDelegatedAccessToken "
        "GetFederationToken GetWebIdentityToken",
    ),
    **every(
        "s3", "retention and holds of single objects, archives",
        "GetObjectLegalHold GetObjectRetention PutObjectLegalHold PutObjectRetention RestoreObject",
    ),
}

NO_SUCCESS = {
    ("acm", "ExportCertificate"): "private certificates, and public ones that may be exported, are not simulated",
    ("acm", "RenewCertificate"): "only private certificates are renewed on demand",
    ("ecr", "StopReplicationBackfill"): "boto3 does not know it, and a backfill here is over before it can be stopped",
    ("ecs", "StopServiceDeployment"): "no check brings a deployment to where it has something to go back to",
    ("rds", "PromoteReadReplicaDBCluster"): "no check makes a cluster that is a replica of another",
}

NO_ERROR = {
    ("ecr", "ListReplicationBackfills"): "boto3 does not know it, and it has no error of its own",
}

MOST = {"NOT_SIMULATED": 138, "NO_SUCCESS": 5, "NO_ERROR": 1}
