"""What a pipeline is explored with in Kibana: data view, searches and a dashboard, as saved objects."""
