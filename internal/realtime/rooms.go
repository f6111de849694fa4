package realtime

import "cartracker/internal/record"

const staffRoom = "staff"

func userRoom[ID ~string](id ID) string { return "user:" + string(id) }

func sessionRoom(id string) string { return "session:" + id }

func topicRoom(t record.Topic) string { return "topic:" + string(t) }

// roomsOf returns the rooms that a socket of c is in from the start.
func roomsOf(c record.Caller) []string {
	rooms := []string{userRoom(c.ID), sessionRoom(c.SessionID)}
	if record.Staff.Allow(c) == nil {
		rooms = append(rooms, staffRoom)
	}
	return rooms
}

// topics are those that can be subscribed to, and by whom.
var topics = map[record.Topic]record.Access{
	record.Cars:      record.SignedIn,
	record.Contracts: record.Staff,
	record.Customers: record.Staff,
}
