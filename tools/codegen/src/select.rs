//! Which operations come with their shapes. The names of all others are kept, so that "known but
//! not supported" can be told from "unknown".

/// One service of botocore and what we take of it.
pub struct Selection {
    /// botocore's folder.
    pub name: &'static str,
    /// The operations that come with shapes; all where there is none.
    pub shaped: Option<&'static [&'static str]>,
}

/// The services whose requests become documents.
pub const SERVICES: &[Selection] = &[
    Selection { name: "sagemaker", shaped: None },
    Selection { name: "sagemaker-runtime", shaped: None },
    Selection {
        name: "sts",
        shaped: Some(&["AssumeRole", "GetCallerIdentity", "GetSessionToken"]),
    },
    Selection {
        name: "iam",
        shaped: Some(&[
            "AttachRolePolicy",
            "CreateRole",
            "DeleteRole",
            "DeleteRolePolicy",
            "DetachRolePolicy",
            "GetRole",
            "GetRolePolicy",
            "GetUser",
            "ListAttachedRolePolicies",
            "ListRolePolicies",
            "ListRoles",
            "PutRolePolicy",
            "SimulatePrincipalPolicy",
        ]),
    },
    Selection {
        name: "logs",
        shaped: Some(&[
            "CreateLogGroup",
            "CreateLogStream",
            "DeleteLogGroup",
            "DescribeLogGroups",
            "DescribeLogStreams",
            "FilterLogEvents",
            "GetLogEvents",
            "PutLogEvents",
        ]),
    },
    Selection {
        name: "cloudwatch",
        shaped: Some(&["GetMetricData", "GetMetricStatistics", "ListMetrics", "PutMetricData"]),
    },
];
