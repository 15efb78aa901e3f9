//! The parameters that the engines have: a useful subset, as data.

/// One parameter of a family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    pub name: &'static str,
    /// Empty: the engine's own default, which RDS does not show.
    pub default: &'static str,
    pub dynamic: bool,
    pub kind: &'static str,
    /// `a-b`, `x,y,z`, or empty for anything.
    pub allowed: &'static str,
    pub modifiable: bool,
    pub about: &'static str,
}

/// name | default | static or dynamic | type | allowed | fixed, if it cannot be changed | what it is
const POSTGRES: &str = "
autovacuum|1|dynamic|boolean|0,1||Starts the autovacuum process
autovacuum_analyze_scale_factor|0.05|dynamic|float|0-100||Share of changed rows before an analyze
autovacuum_max_workers|GREATEST({DBInstanceClassMemory/64371566592},3)|static|integer|1-262143||Number of autovacuum workers
autovacuum_naptime|15|dynamic|integer|1-2147483||Seconds between autovacuum rounds
autovacuum_vacuum_scale_factor|0.1|dynamic|float|0-100||Share of dead rows before a vacuum
checkpoint_completion_target|0.9|dynamic|float|0-1||Share of the interval over which a checkpoint is spread
checkpoint_timeout||dynamic|integer|30-3600||Seconds between checkpoints
client_encoding||dynamic|string|||Encoding of the client's characters
client_min_messages||dynamic|string|debug5,debug4,debug3,debug2,debug1,log,notice,warning,error||Least severe message sent to clients
datestyle||dynamic|string|||How dates are written
deadlock_timeout||dynamic|integer|1-2147483647||Milliseconds to wait on a lock before looking for a deadlock
default_transaction_isolation||dynamic|string|serializable,repeatable read,read committed,read uncommitted||Isolation of new transactions
default_transaction_read_only||dynamic|boolean|0,1||New transactions are read-only
effective_cache_size|{DBInstanceClassMemory/16384}|dynamic|integer|1-2147483647||Memory the planner expects for caching
hot_standby_feedback||dynamic|boolean|0,1||A standby tells the primary what it still reads
idle_in_transaction_session_timeout|86400000|dynamic|integer|0-2147483647||Milliseconds until an idle transaction is ended
lc_messages||dynamic|string|||Language of messages
lock_timeout||dynamic|integer|0-2147483647||Milliseconds to wait for a lock
log_autovacuum_min_duration|10000|dynamic|integer|-1-2147483647||Milliseconds from which an autovacuum is logged
log_connections||dynamic|boolean|0,1||Logs each connection
log_disconnections||dynamic|boolean|0,1||Logs the end of each connection
log_lock_waits||dynamic|boolean|0,1||Logs long waits for locks
log_min_duration_statement||dynamic|integer|-1-2147483647||Milliseconds from which a statement is logged
log_min_messages||dynamic|string|debug5,debug4,debug3,debug2,debug1,info,notice,warning,error,log,fatal,panic||Least severe message logged
log_statement||dynamic|string|none,ddl,mod,all||Kinds of statements logged
log_temp_files||dynamic|integer|-1-2147483647||Kilobytes from which a temporary file is logged
logical_decoding_work_mem||dynamic|integer|64-2147483647||Kilobytes for logical decoding
maintenance_work_mem|GREATEST({DBInstanceClassMemory*1024/63963136},65536)|dynamic|integer|1024-2147483647||Kilobytes for maintenance
max_connections|LEAST({DBInstanceClassMemory/9531392},5000)|static|integer|6-8388607||Concurrent connections
max_locks_per_transaction|64|static|integer|10-2147483647||Locks per transaction
max_parallel_workers|GREATEST({DBInstanceVCPU/2},8)|dynamic|integer|0-1024||Parallel workers at once
max_parallel_workers_per_gather||dynamic|integer|0-1024||Parallel workers per gather
max_prepared_transactions|0|static|integer|0-262143||Prepared transactions at once
max_replication_slots|20|static|integer|5-8388607||Replication slots
max_standby_streaming_delay|30000|dynamic|integer|-1-2147483647||Milliseconds before a standby cancels queries
max_wal_senders|20|static|integer|5-8388607||WAL sender processes
max_wal_size||dynamic|integer|2-2147483647||Megabytes of WAL before a checkpoint
max_worker_processes|GREATEST({DBInstanceVCPU*2},8)|static|integer|0-262143||Background processes
min_wal_size||dynamic|integer|2-2147483647||Megabytes of WAL kept
password_encryption||dynamic|string|md5,scram-sha-256||How passwords are stored
pg_stat_statements.max||static|integer|100-2147483647||Statements tracked
pg_stat_statements.track|TOP|dynamic|string|top,all,none||Which statements are tracked
random_page_cost||dynamic|float|0-1.79769e+308||Cost of a page fetched at random
rds.accepted_password_auth_method|md5+scram|dynamic|string|md5+scram,scram||Password methods accepted
rds.extensions||static|string||fixed|Extensions that can be created
rds.force_admin_logging_level|disabled|dynamic|string|disabled,debug5,debug4,debug3,debug2,debug1,info,notice,warning,error,log,fatal,panic||Logs what RDS's own user does
rds.force_autovacuum_logging_level|WARNING|dynamic|string|disabled,debug5,debug4,debug3,debug2,debug1,info,notice,warning,error,log,fatal,panic||Logs what autovacuum does
rds.force_ssl|FORCE_SSL|dynamic|boolean|0,1||Refuses connections without TLS
rds.log_retention_period|4320|dynamic|integer|1440-10080||Minutes for which logs are kept
rds.logical_replication|0|static|boolean|0,1||Enables logical decoding
search_path||dynamic|string|||Order of schemas
session_preload_libraries||static|string|||Libraries loaded by each session
shared_buffers|{DBInstanceClassMemory/32768}|static|integer|16-1073741823||Pages of shared memory
shared_preload_libraries|pg_stat_statements|static|list|auto_explain,orafce,pgaudit,pglogical,pg_bigm,pg_cron,pg_hint_plan,pg_prewarm,pg_similarity,pg_stat_statements,pg_tle,pg_transport,plprofiler||Libraries loaded at start
ssl|1|dynamic|boolean|0,1|fixed|TLS connections
ssl_ca_file|/rdsdbdata/rds-metadata/ca-cert.pem|dynamic|string||fixed|The authority's file
ssl_min_protocol_version||dynamic|string|TLSv1,TLSv1.1,TLSv1.2||Lowest TLS version
statement_timeout||dynamic|integer|0-2147483647||Milliseconds a statement may take
synchronous_commit|on|dynamic|string|local,on,off||What a commit waits for
tcp_keepalives_count||dynamic|integer|0-2147483647||Keepalives lost before a connection is ended
tcp_keepalives_idle||dynamic|integer|0-2147483647||Seconds between keepalives
tcp_keepalives_interval||dynamic|integer|0-2147483647||Seconds between repeated keepalives
temp_buffers||dynamic|integer|100-1073741823||Pages of temporary buffers per session
timezone|UTC|dynamic|string|||Time zone of timestamps
track_activity_query_size|4096|static|integer|100-1048576||Bytes of a running query shown
track_io_timing|1|dynamic|boolean|0,1||Measures I/O
wal_buffers||static|integer|-1-262143||Pages of WAL buffers
wal_keep_size|2048|dynamic|integer|0-2147483647||Megabytes of WAL kept for standbys
wal_level|replica|static|string|minimal,replica,logical|fixed|How much is written to the WAL
wal_receiver_timeout|30000|dynamic|integer|0-3600000||Milliseconds a receiver waits
wal_sender_timeout||dynamic|integer|0-3600000||Milliseconds a sender waits
work_mem||dynamic|integer|64-2147483647||Kilobytes per sort or hash
";

const MYSQL: &str = "
activate_all_roles_on_login|0|dynamic|boolean|0,1||Grants all roles at login
autocommit||dynamic|boolean|0,1||Commits each statement
automatic_sp_privileges||dynamic|boolean|0,1||Grants a creator its own routines
back_log||static|integer|1-65535||Connection requests waiting
binlog_cache_size|32768|dynamic|integer|4096-18446744073709547520||Bytes of binary log cached per transaction
binlog_format|ROW|dynamic|string|ROW,STATEMENT,MIXED||Format of the binary log
binlog_row_image|full|dynamic|string|full,minimal,noblob||Columns written to the binary log
character_set_client||dynamic|string|||Character set of the client
character_set_connection||dynamic|string|||Character set of the connection
character_set_database||dynamic|string|||Character set of new databases
character_set_results||dynamic|string|||Character set of results
character_set_server||dynamic|string|||Character set of the server
collation_connection||dynamic|string|||Collation of the connection
collation_server||dynamic|string|||Collation of the server
connect_timeout||dynamic|integer|2-31536000||Seconds for a handshake
default_password_lifetime||dynamic|integer|0-65535||Days until a password expires
enforce_gtid_consistency|OFF|dynamic|string|OFF,WARN,ON||Allows only what GTIDs can log
event_scheduler|ON|dynamic|string|ON,OFF||Runs scheduled events
explicit_defaults_for_timestamp||dynamic|boolean|0,1||Standard timestamp defaults
general_log||dynamic|boolean|0,1||Logs every statement
gtid-mode|OFF_PERMISSIVE|dynamic|string|OFF,OFF_PERMISSIVE,ON_PERMISSIVE,ON||Global transaction identifiers
group_concat_max_len||dynamic|integer|4-18446744073709551615||Bytes of GROUP_CONCAT
innodb_buffer_pool_size|{DBInstanceClassMemory*3/4}|dynamic|integer|5242880-18446744073709551615||Bytes of the buffer pool
innodb_file_per_table|1|dynamic|boolean|0,1||One file per table
innodb_flush_log_at_trx_commit|1|dynamic|integer|0-2||When the log is flushed
innodb_lock_wait_timeout||dynamic|integer|1-1073741824||Seconds to wait for a row lock
innodb_log_file_size|134217728|static|integer|4194304-273804165120||Bytes of a log file
innodb_print_all_deadlocks||dynamic|boolean|0,1||Logs every deadlock
innodb_read_io_threads||static|integer|1-64||Read threads
innodb_redo_log_capacity|2147483648|dynamic|integer|134217728-137438953472||Bytes of redo log
innodb_strict_mode||dynamic|boolean|0,1||Errors instead of warnings
innodb_write_io_threads||static|integer|1-64||Write threads
interactive_timeout||dynamic|integer|1-31536000||Seconds an interactive session may idle
init_connect||dynamic|string|||Run for each client
log_bin_trust_function_creators||dynamic|boolean|0,1||Lets functions be made without SUPER
log_output|TABLE|dynamic|string|TABLE,FILE,NONE||Where logs go
log_queries_not_using_indexes||dynamic|boolean|0,1||Logs queries without an index
log_slow_admin_statements||dynamic|boolean|0,1||Logs slow administration
long_query_time||dynamic|float|0-31536000||Seconds from which a query is slow
lower_case_table_names|0|static|integer|0,1||Case of table names
max_allowed_packet||dynamic|integer|1024-1073741824||Bytes of a packet
max_connect_errors||dynamic|integer|1-9223372036854775807||Failed connections before a host is blocked
max_connections|{DBInstanceClassMemory/12582880}|dynamic|integer|1-100000||Concurrent connections
max_execution_time||dynamic|integer|0-18446744073709551615||Milliseconds a SELECT may take
max_heap_table_size||dynamic|integer|16384-1844674407370954752||Bytes of a memory table
max_user_connections||dynamic|integer|0-4294967295||Connections per user
net_read_timeout||dynamic|integer|1-31536000||Seconds to wait for data
net_write_timeout||dynamic|integer|1-31536000||Seconds to wait for a write
optimizer_switch||dynamic|list|||Optimizations
performance_schema|0|static|boolean|0,1||Performance schema
read_only|{TrueIfReplica}|dynamic|string|0,1,{TrueIfReplica}||Refuses writes
replica_parallel_workers||dynamic|integer|0-1024||Appliers of a replica
require_secure_transport||dynamic|boolean|0,1||Refuses connections without TLS
skip_name_resolve||static|boolean|0,1|fixed|Skips resolving client names
slow_query_log||dynamic|boolean|0,1||Logs slow queries
sort_buffer_size||dynamic|integer|32768-18446744073709551615||Bytes per sort
sql_mode||dynamic|list|ALLOW_INVALID_DATES,ANSI_QUOTES,ERROR_FOR_DIVISION_BY_ZERO,HIGH_NOT_PRECEDENCE,IGNORE_SPACE,NO_AUTO_VALUE_ON_ZERO,NO_BACKSLASH_ESCAPES,NO_DIR_IN_CREATE,NO_ENGINE_SUBSTITUTION,NO_UNSIGNED_SUBTRACTION,NO_ZERO_DATE,NO_ZERO_IN_DATE,ONLY_FULL_GROUP_BY,PAD_CHAR_TO_FULL_LENGTH,PIPES_AS_CONCAT,REAL_AS_FLOAT,STRICT_ALL_TABLES,STRICT_TRANS_TABLES,ANSI,TRADITIONAL||SQL modes
sync_binlog|1|dynamic|integer|0-4294967295||When the binary log is flushed
table_definition_cache||dynamic|integer|400-524288||Table definitions cached
table_open_cache||dynamic|integer|1-524288||Tables open
thread_cache_size||dynamic|integer|0-16384||Threads cached
time_zone||dynamic|string|||Time zone
tls_version|TLSv1.2,TLSv1.3|static|list|TLSv1.2,TLSv1.3||TLS versions
tmp_table_size||dynamic|integer|1024-18446744073709551615||Bytes of a temporary table
transaction_isolation||dynamic|string|READ-UNCOMMITTED,READ-COMMITTED,REPEATABLE-READ,SERIALIZABLE||Isolation
wait_timeout||dynamic|integer|1-31536000||Seconds a session may idle
";

/// What Aurora's clusters have beyond the engine's own.
const AURORA_MYSQL: &str = "
aurora_load_from_s3_role||dynamic|string|||Role for loading from S3
aurora_replica_read_consistency||dynamic|string|EVENTUAL,SESSION,GLOBAL||Consistency of forwarded reads
binlog_backup|1|static|boolean|0,1||Backs the binary log up
server_audit_events||dynamic|list|CONNECT,QUERY,QUERY_DCL,QUERY_DDL,QUERY_DML,TABLE||Events audited
server_audit_excl_users||dynamic|string|||Users not audited
server_audit_incl_users||dynamic|string|||Users audited
server_audit_logging||dynamic|boolean|0,1||Audits
server_audit_logs_upload||dynamic|boolean|0,1||Uploads the audit log
";

const AURORA_POSTGRES: &str = "
apg_plan_mgmt.capture_plan_baselines||dynamic|string|manual,automatic,off||Captures plans
rds.babelfish_status|off|static|string|on,off,datatypeonly||Babelfish
rds.global_db_rpo||dynamic|integer|20-2147483647||Seconds a global secondary may be behind
rds.enable_plan_management|0|static|boolean|0,1||Plan management
";

/// Families, by name, with the engine each belongs to.
pub const FAMILIES: &[(&str, &str)] = &[
    ("postgres13", "postgres"),
    ("postgres14", "postgres"),
    ("postgres15", "postgres"),
    ("postgres16", "postgres"),
    ("postgres17", "postgres"),
    ("mysql8.0", "mysql"),
    ("mysql8.4", "mysql"),
    ("aurora-mysql8.0", "aurora-mysql"),
    ("aurora-postgresql14", "aurora-postgresql"),
    ("aurora-postgresql15", "aurora-postgresql"),
    ("aurora-postgresql16", "aurora-postgresql"),
];

/// The parameters of a family, in the order of their names. Empty: no such family.
pub fn parameters(family: &str) -> Vec<Parameter> {
    let tables: &[&'static str] = match FAMILIES
        .iter()
        .find(|(name, _)| *name == family)
        .map(|(_, engine)| *engine)
    {
        Some("postgres") => &[POSTGRES],
        Some("mysql") => &[MYSQL],
        Some("aurora-mysql") => &[MYSQL, AURORA_MYSQL],
        Some("aurora-postgresql") => &[POSTGRES, AURORA_POSTGRES],
        _ => &[],
    };
    let mut parameters: Vec<Parameter> = tables
        .iter()
        .flat_map(|table| table.lines())
        .filter_map(|line| read(line, family))
        .collect();
    parameters.sort_by_key(|parameter| parameter.name);
    parameters
}

pub fn parameter(family: &str, name: &str) -> Option<Parameter> {
    parameters(family)
        .into_iter()
        .find(|parameter| parameter.name.eq_ignore_ascii_case(name))
}

fn read(line: &'static str, family: &str) -> Option<Parameter> {
    let mut cells = line.split('|');
    let name = cells.next().filter(|name| !name.is_empty())?;
    let mut default = cells.next()?;
    if default == "FORCE_SSL" {
        // RDS forces TLS from PostgreSQL 15 on, Aurora from 17 on.
        let forced = family
            .strip_prefix("postgres")
            .and_then(|n| n.parse::<u32>().ok())
            .is_some_and(|n| n >= 15);
        default = if forced { "1" } else { "0" };
    }
    let dynamic = cells.next()? == "dynamic";
    let (kind, allowed, fixed, about) =
        (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
    Some(Parameter {
        name,
        default,
        dynamic,
        kind,
        allowed,
        modifiable: fixed.is_empty(),
        about,
    })
}

impl Parameter {
    /// Where its value comes from in a group that sets it, or does not.
    pub fn source(&self, set: bool) -> &'static str {
        match (set, self.default.is_empty()) {
            (true, _) => "user",
            (false, false) => "system",
            (false, true) => "engine-default",
        }
    }

    /// Whether a value may be set: within the allowed ones, or a formula over the instance's class.
    pub fn accepts(&self, value: &str) -> bool {
        if self.allowed.is_empty() || value.contains('{') {
            return true;
        }
        let listed: Vec<&str> = self.allowed.split(',').collect();
        match (self.kind, range(self.allowed)) {
            ("integer" | "float", Some((low, high))) => {
                let integral = self.kind == "float" || value.parse::<i128>().is_ok();
                integral
                    && value
                        .parse::<f64>()
                        .is_ok_and(|number| low <= number && number <= high)
            }
            ("boolean", _) => matches!(
                value.to_ascii_lowercase().as_str(),
                "0" | "1" | "on" | "off" | "true" | "false"
            ),
            ("list", _) => value.split(',').all(|one| {
                listed
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(one.trim()))
            }),
            _ => listed.iter().any(|known| known.eq_ignore_ascii_case(value)),
        }
    }
}

/// `-1-200` is from -1 to 200.
fn range(allowed: &str) -> Option<(f64, f64)> {
    let split = allowed.char_indices().skip(1).find(|(at, c)| {
        *c == '-' && allowed[..*at].ends_with(|last: char| last.is_ascii_digit())
    })?;
    let (low, high) = allowed.split_at(split.0);
    Some((low.parse().ok()?, high[1..].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_that_may_be_set() {
        for (family, _) in FAMILIES {
            let all = parameters(family);
            assert!(all.len() > 50, "{family}");
            for parameter in all {
                assert!(
                    parameter.default.is_empty()
                        || parameter.accepts(parameter.default)
                        || !parameter.modifiable
                        || parameter.default.contains('{'),
                    "{family} {parameter:?}"
                );
            }
        }
    }

    #[test]
    fn a_range_may_begin_below_zero() {
        let parameter = parameter("postgres15", "log_min_duration_statement").unwrap();
        assert!(parameter.accepts("-1") && parameter.accepts("500") && !parameter.accepts("-2"));
        assert!(!parameter.accepts("soon") && !parameter.accepts("1.5"));
    }

    #[test]
    fn tls_is_forced_from_postgres_15_on() {
        assert_eq!(
            parameter("postgres14", "rds.force_ssl").unwrap().default,
            "0"
        );
        assert_eq!(
            parameter("postgres15", "rds.force_ssl").unwrap().default,
            "1"
        );
        assert_eq!(
            parameter("aurora-postgresql15", "rds.force_ssl")
                .unwrap()
                .default,
            "0"
        );
    }
}
