CREATE TABLE clients (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    weight DOUBLE NOT NULL,
    max_waiting INTEGER NOT NULL,
    jobs_per_minute INTEGER NOT NULL,
    admin BOOLEAN NOT NULL,
    disabled BOOLEAN NOT NULL,
    created_at DOUBLE NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (name)
);

CREATE TABLE model_faults (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    worker TEXT NOT NULL,
    detail TEXT NOT NULL,
    at DOUBLE NOT NULL,
    PRIMARY KEY (owner, name, version)
);

CREATE TABLE workers (
    id TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    address TEXT NOT NULL,
    models TEXT NOT NULL,
    started_at DOUBLE NOT NULL,
    seen_until DOUBLE NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE idempotency (
    client_id TEXT NOT NULL,
    "key" TEXT NOT NULL,
    digest TEXT NOT NULL,
    job_ids TEXT NOT NULL,
    created_at DOUBLE NOT NULL,
    PRIMARY KEY (client_id, "key"),
    FOREIGN KEY(client_id) REFERENCES clients (id) ON DELETE CASCADE
);

CREATE INDEX ix_idempotency_created_at ON idempotency (created_at);

CREATE TABLE jobs (
    seq INTEGER NOT NULL,
    id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    model TEXT NOT NULL,
    url TEXT,
    threshold DOUBLE,
    callback TEXT,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    owner TEXT,
    due DOUBLE,
    created_at DOUBLE NOT NULL,
    started_at DOUBLE,
    finished_at DOUBLE,
    error_code TEXT,
    error_detail TEXT,
    PRIMARY KEY (seq),
    UNIQUE (id),
    FOREIGN KEY(client_id) REFERENCES clients (id) ON DELETE CASCADE
);

CREATE INDEX jobs_ended ON jobs (due) WHERE state IN ('done', 'failed', 'dead', 'cancelled');

CREATE INDEX jobs_leased ON jobs (due) WHERE state IN ('running', 'delayed');

CREATE INDEX jobs_of_client ON jobs (client_id, seq);

CREATE INDEX jobs_to_take ON jobs (client_id, model, seq) WHERE state = 'waiting';

CREATE TABLE keys (
    id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    label TEXT NOT NULL,
    created_at DOUBLE NOT NULL,
    revoked_at DOUBLE,
    PRIMARY KEY (id),
    FOREIGN KEY(client_id) REFERENCES clients (id) ON DELETE CASCADE,
    UNIQUE (digest)
);

CREATE INDEX ix_keys_client_id ON keys (client_id);

CREATE TABLE queues (
    client_id TEXT NOT NULL,
    model TEXT NOT NULL,
    waiting INTEGER DEFAULT '0' NOT NULL,
    delayed INTEGER DEFAULT '0' NOT NULL,
    running INTEGER DEFAULT '0' NOT NULL,
    done BIGINT DEFAULT '0' NOT NULL,
    failed BIGINT DEFAULT '0' NOT NULL,
    dead BIGINT DEFAULT '0' NOT NULL,
    cancelled BIGINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (client_id, model),
    FOREIGN KEY(client_id) REFERENCES clients (id) ON DELETE CASCADE
);

CREATE TABLE shares (
    client_id TEXT NOT NULL,
    virtual_time DOUBLE NOT NULL,
    tokens DOUBLE NOT NULL,
    tokens_at DOUBLE NOT NULL,
    PRIMARY KEY (client_id),
    FOREIGN KEY(client_id) REFERENCES clients (id) ON DELETE CASCADE
);

CREATE TABLE callbacks (
    job_id TEXT NOT NULL,
    url TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    owner TEXT,
    due DOUBLE NOT NULL,
    PRIMARY KEY (job_id),
    FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);

CREATE INDEX ix_callbacks_due ON callbacks (due);

CREATE TABLE results (
    job_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    model_version TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job_id),
    FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);

CREATE TABLE uploads (
    job_id TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (job_id),
    FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
