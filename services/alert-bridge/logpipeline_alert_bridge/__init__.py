"""From detections to people: windows of one key become one alert, which Alertmanager and a webhook are told of."""
