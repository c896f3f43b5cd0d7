package citycard

import (
	"context"
	"sync"
	"time"
)

const (
	// directoryFresh is how long a replica goes by the registry as it read it.
	directoryFresh = 30 * time.Second
	// directoryUsable is how long it does so where the registry cannot be read; then nobody is let in.
	directoryUsable = 60 * time.Second
	// directoryPause is how long a registry that could not be read is left alone.
	directoryPause = time.Second
)

// PartnerDirectory answers who an app or a key belongs to from a copy of the whole registry, so that neither good
// callbacks nor made-up names cost a query. Every change is seen on every replica within 60 seconds. It is safe
// for concurrent use.
type PartnerDirectory struct {
	Partners Partners
	// Clock measures the copy's age: the system's clock, also where the service runs on a fixed one.
	Clock func() time.Time

	mu       sync.Mutex
	copied   *registryCopy
	loading  sync.Mutex
	failedAt time.Time // guarded by loading, as failure is
	failure  error
}

type registryCopy struct {
	read  time.Time
	byApp map[string]*PartnerRecord
	byKey map[string]*PartnerRecord
}

// ByApp is the partner of an app id; false where there is none. Where the registry cannot be read it is
// storage_unavailable. What it returns must not be changed.
func (d *PartnerDirectory) ByApp(ctx context.Context, appID string) (*PartnerRecord, bool, error) {
	current, err := d.current(ctx)
	if err != nil {
		return nil, false, err
	}
	record, found := current.byApp[appID]
	return record, found, nil
}

// ByKey is the partner that a key id is registered for, whatever the state of the key; otherwise like ByApp.
func (d *PartnerDirectory) ByKey(ctx context.Context, keyID string) (*PartnerRecord, bool, error) {
	current, err := d.current(ctx)
	if err != nil {
		return nil, false, err
	}
	record, found := current.byKey[keyID]
	return record, found, nil
}

// current is the copy in use. While one caller reads the registry again, the others go on with a copy that is
// still usable.
func (d *PartnerDirectory) current(ctx context.Context) (*registryCopy, error) {
	copied := d.youngerThan(directoryFresh)
	if copied != nil {
		return copied, nil
	}
	usable := d.youngerThan(directoryUsable)
	if usable == nil {
		d.loading.Lock()
	} else if !d.loading.TryLock() {
		return usable, nil
	}
	defer d.loading.Unlock()
	if copied := d.youngerThan(directoryFresh); copied != nil {
		return copied, nil
	}
	if d.failure == nil || d.Clock().Sub(d.failedAt) >= directoryPause {
		if copied, d.failure = d.read(ctx); d.failure == nil {
			return copied, nil
		}
		d.failedAt = d.Clock()
	}
	if usable != nil {
		return usable, nil
	}
	return nil, d.failure
}

func (d *PartnerDirectory) youngerThan(age time.Duration) *registryCopy {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.copied == nil || d.Clock().Sub(d.copied.read) >= age {
		return nil
	}
	return d.copied
}

func (d *PartnerDirectory) read(ctx context.Context) (*registryCopy, error) {
	copied := &registryCopy{read: d.Clock(), byApp: map[string]*PartnerRecord{}, byKey: map[string]*PartnerRecord{}}
	records, err := d.Partners.Partners(ctx)
	if err != nil {
		return nil, err
	}
	for i := range records {
		copied.byApp[records[i].AppID] = &records[i]
		for _, key := range records[i].Keys {
			copied.byKey[key.ID] = &records[i]
		}
	}
	d.mu.Lock()
	d.copied = copied
	d.mu.Unlock()
	return copied, nil
}
