"""What would the car, the phone, the customer and the workshop do?

Start reading at ``__main__.py``. Cars: `vehicle` (physics on real drive cycles, with the faults in
`faults`), `drives` (real logs, replayed), `inject` (a fault put into a real log). How a car speaks:
`wire` and `gateway`. The telephone network: `twilio_standin`.
"""
