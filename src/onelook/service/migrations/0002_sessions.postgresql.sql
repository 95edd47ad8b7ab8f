CREATE TABLE sessions (
    digest TEXT NOT NULL,
    client_id TEXT NOT NULL,
    key_id TEXT,
    expires_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (digest),
    FOREIGN KEY(client_id) REFERENCES clients (id) ON DELETE CASCADE,
    FOREIGN KEY(key_id) REFERENCES keys (id) ON DELETE CASCADE
);

CREATE TABLE tickets (
    digest TEXT NOT NULL,
    client_id TEXT NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (digest),
    FOREIGN KEY(client_id) REFERENCES clients (id) ON DELETE CASCADE
);
